//! Routes to the categories.

use axum::extract::State;
use axum::http::{Method, StatusCode};

use super::extract::{Asker, Changer, Created, Json, Path, Precondition, Tagged};
use super::refusal::Refused;
use super::route::Route;
use crate::admin::api::Admin;
use crate::admin::api::category::{self as api, RulesChange};
use crate::admin::rights::Operation;
use crate::admin::wire::category::{Categories, Category, CategoryChange, ListChange, NewCategory};
use crate::chat;
use crate::chat::administration::ActNumber;

pub(super) fn routes() -> Vec<Route> {
    const CATEGORY: &str = "/categories/{name}";
    vec![
        Route::new(Method::GET, "/categories", "listCategories", "The categories", list)
            .needs(Operation::ListCategories),
        Route::new(Method::POST, "/categories", "addCategory", "Make a category", add)
            .needs(Operation::ChangeCategory)
            .refuses(&[StatusCode::CONFLICT]),
        Route::new(Method::GET, CATEGORY, "showCategory", "A category", show)
            .needs(Operation::ListCategories),
        Route::new(Method::PATCH, CATEGORY, "changeCategory", "Change a category", change)
            .needs(Operation::ChangeCategory)
            .refuses(&[StatusCode::CONFLICT]),
        Route::new(Method::DELETE, CATEGORY, "removeCategory", "Remove a category that has no rooms", remove)
            .needs(Operation::ChangeCategory)
            .refuses(&[StatusCode::CONFLICT]),
    ]
}

async fn list(State(admin): State<Admin>, Asker(caller): Asker) -> Result<Json<Categories>, Refused> {
    let categories = admin.categories(&caller).await?.into_iter();
    let categories = categories.map(|info| category(info.category, info.rooms)).collect();
    Ok(Json(Categories { categories }))
}

async fn add(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Json(new): Json<NewCategory>,
) -> Result<Created<Category>, Refused> {
    let added = admin.add_category(&caller, &new.name, asked(new.change)).await?;
    Ok(Created(category(added, 0)))
}

async fn show(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Path(name): Path<String>,
) -> Result<Tagged<Category>, Refused> {
    let info = admin.category(&caller, &name).await?;
    Ok(Tagged(ActNumber(info.category.version), category(info.category, info.rooms)))
}

async fn change(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(name): Path<String>,
    Precondition(condition): Precondition,
    Json(change): Json<CategoryChange>,
) -> Result<Tagged<Category>, Refused> {
    let changed = admin.change_category(&caller, &name, asked(change), condition).await?;
    let rooms = admin.rooms_in(changed.id).await?;
    Ok(Tagged(ActNumber(changed.version), category(changed, rooms)))
}

async fn remove(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(name): Path<String>,
    Precondition(condition): Precondition,
) -> Result<Json<Category>, Refused> {
    Ok(Json(category(admin.remove_category(&caller, &name, condition).await?, 0)))
}

fn asked(change: CategoryChange) -> api::CategoryChange {
    api::CategoryChange {
        name: change.name,
        description: change.description,
        allowed: list_change(change.allowed),
        denied: list_change(change.denied),
        creators: list_change(change.creators),
        rules: RulesChange {
            file_upload: change.file_upload,
            invitations: change.invitations,
            history: change.history,
            managers_destroy: change.managers_destroy,
        },
    }
}

pub(super) fn list_change(change: ListChange) -> api::ListChange {
    api::ListChange { set: change.set, add: change.add, strike: change.strike }
}

fn category(category: chat::category::Category, rooms: u64) -> Category {
    let addresses = |list: &[perch_address::BareJid]| list.iter().map(ToString::to_string).collect();
    Category {
        id: category.id.0,
        allowed: addresses(&category.allowed),
        denied: addresses(&category.denied),
        creators: addresses(&category.creators),
        name: category.name.into(),
        description: category.description.into(),
        file_upload: category.rules.file_upload,
        invitations: category.rules.invitations,
        history: category.rules.history,
        managers_destroy: category.rules.managers_destroy,
        rooms,
        version: category.version,
    }
}
