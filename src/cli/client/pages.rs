//! Lists that are given in pages.

use super::ClientError;

/// All of a list, page by page: `page` asks for the one behind `after`.
pub(in crate::cli) async fn every_page<T>(
    mut page: impl AsyncFnMut(Option<String>) -> Result<(Vec<T>, Option<String>), ClientError>,
) -> Result<Vec<T>, ClientError> {
    let (mut all, mut next) = page(None).await?;
    while next.is_some() {
        let (mut more, behind) = page(next).await?;
        all.append(&mut more);
        next = behind;
    }
    Ok(all)
}
