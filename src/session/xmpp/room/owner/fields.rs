//! The fields of the form `muc#roomconfig`, one by one: how each is shown, and what a submitted value means.

use perch_address::{BareJid, Jid};
use perch_xmpp::extension::form::{Field, FieldKind, Form};

use crate::chat::affiliation::Role;
use crate::chat::answer::Configuration;
use crate::chat::category::CategoryId;
use crate::chat::refusal::Refusal;
use crate::chat::settings::{Kind, PrivateMessages, Settings, Whois};
use crate::session::xmpp::room::disco::{MANAGEMENT_LABEL, MANAGEMENT_URL};

/// Every field, with what is configured now.
pub(super) fn all(configuration: &Configuration) -> Vec<Field> {
    let settings = &*configuration.settings;
    let mut fields = about(settings);
    // To be read: it holds for all rooms.
    let page = |url| Field::new(FieldKind::Fixed, MANAGEMENT_URL, MANAGEMENT_LABEL).with_value(url);
    fields.extend(configuration.management_url.as_deref().map(page));
    fields.extend(entry(settings));
    fields.extend(conversation(settings));
    fields.extend(visibility(settings));
    fields.extend(place(configuration));
    let people = |var, label, jids: &[BareJid]| Field::new(FieldKind::JidMulti, var, label).with_values(jids);
    fields.push(people(ADMINS, "Room admins", &configuration.admins));
    fields.push(people(OWNERS, "Room owners", &configuration.owners));
    fields.push(people(PRESENTERS, "Presenters, who speak in an auditorium", &configuration.presenters));
    fields
}

fn about(settings: &Settings) -> Vec<Field> {
    let contacts = Field::new(FieldKind::JidMulti, CONTACTS, "Contact addresses");
    vec![
        Field::text(NAME, "Name of the room", &settings.name),
        Field::text(DESCRIPTION, "Short description", &settings.description),
        Field::text(LANG, "Language of the conversation", &settings.lang),
        contacts.with_values(&settings.contacts),
        Field::boolean(PUBLIC, "Show the room in the list of rooms?", settings.public),
        Field::boolean(PERSISTENT, "Keep the room when the last occupant leaves?", settings.persistent),
    ]
}

fn entry(settings: &Settings) -> Vec<Field> {
    let max = settings.occupants_max.map_or_else(|| UNLIMITED.to_owned(), |max| max.to_string());
    let choices = ["10", "20", "30", "50", "100", "200", "500", "1000"];
    let mut occupants_max =
        Field::new(FieldKind::ListSingle, OCCUPANTS_MAX, "Occupants at most").with_value(&max);
    if max != UNLIMITED && !choices.contains(&&*max) {
        occupants_max = occupants_max.with_option(&max, &max);
    }
    let occupants_max = choices.iter().fold(occupants_max, |field, n| field.with_option(n, n));
    let secret = Field::new(FieldKind::TextPrivate, PASSWORD, "Password");
    vec![
        Field::boolean(MEMBERS_ONLY, "Let in members only?", settings.members_only),
        Field::boolean(HAS_PASSWORD, "Ask for a password to enter?", settings.password.is_some()),
        secret.with_value(settings.password.as_deref().unwrap_or_default()),
        occupants_max.with_option("No limit", UNLIMITED),
    ]
}

fn conversation(settings: &Settings) -> Vec<Field> {
    let private_messages =
        Field::new(FieldKind::ListSingle, PRIVATE_MESSAGES, "Who may send private messages?")
            .with_value(private_messages_word(settings.private_messages))
            .with_option("Anyone", "anyone")
            .with_option("Anyone with voice", "participants")
            .with_option("Moderators only", "moderators")
            .with_option("Nobody", "none");
    let history_max = settings.history_max.to_string();
    vec![
        Field::boolean(MODERATED, "Only those with voice may speak?", settings.moderated),
        Field::boolean(SUBJECT, "May participants change the subject?", settings.subject_by_participants),
        Field::boolean(INVITATIONS, "May occupants who are not admins invite?", settings.invitations),
        private_messages,
        Field::boolean(ARCHIVED, "Keep the conversation in the archive?", settings.archived),
        Field::text(HISTORY_MAX, "Messages shown at most to who joins", &history_max),
    ]
}

fn visibility(settings: &Settings) -> Vec<Field> {
    let whois = Field::new(FieldKind::ListSingle, WHOIS, "Who may see real addresses?")
        .with_value(match settings.whois {
            Whois::Moderators => "moderators",
            Whois::Anyone => "anyone",
        })
        .with_option("Moderators only", "moderators")
        .with_option("Anyone", "anyone");
    let roles = |var, label, roles: &[Role]| {
        let field = Field::new(FieldKind::ListMulti, var, label);
        let field = field.with_values(roles.iter().map(|role| role.as_str()));
        field
            .with_option("Moderators", "moderator")
            .with_option("Participants", "participant")
            .with_option("Visitors", "visitor")
    };
    vec![
        whois,
        roles(PRESENCE, "Roles whose presence is told to others", &settings.presence_broadcast),
        roles(MEMBER_LIST, "Roles that may see the list of members", &settings.member_list),
    ]
}

/// What a multi-user chat has no words for.
fn place(configuration: &Configuration) -> Vec<Field> {
    let settings = &*configuration.settings;
    let kind = Field::new(FieldKind::ListSingle, KIND, "What is the room for?")
        .with_value(kind_word(settings.kind))
        .with_option("Conversation among all", kind_word(Kind::Normal))
        .with_option("An auditorium: presenters speak, the others listen", kind_word(Kind::Auditorium));
    let mut fields = vec![
        kind,
        Field::boolean(INVITES_MEMBERS, "Invite whoever becomes a member?", settings.invites_members),
        Field::boolean(
            DISABLED,
            "Disable the room? An administrator can enable it again.",
            settings.disabled,
        ),
    ];
    if let Some(now) = settings.category {
        let category = Field::new(FieldKind::ListSingle, CATEGORY, "Category: for whom the room is")
            .with_value(&now.0.to_string());
        let with_option =
            |field: Field, (id, name): &(CategoryId, Box<str>)| field.with_option(name, &id.0.to_string());
        fields.push(configuration.categories.iter().fold(category, with_option));
    }
    fields
}

/// The settings that a submission makes of those that there are.
pub(super) fn read(form: &Form, current: &Settings) -> Result<Settings, Refusal> {
    let text = |var, current: &str| form.value(var).unwrap_or(current).to_owned();
    let flag = |var, current| {
        let value = form.boolean(var).map_err(|_fault| Refusal::BadSetting("a yes or no is neither"))?;
        Ok::<bool, Refusal>(value.unwrap_or(current))
    };
    Ok(Settings {
        name: text(NAME, &current.name),
        description: text(DESCRIPTION, &current.description),
        lang: text(LANG, &current.lang),
        password: password(form, current)?,
        occupants_max: occupants_max(form, current)?,
        public: flag(PUBLIC, current.public)?,
        members_only: flag(MEMBERS_ONLY, current.members_only)?,
        moderated: flag(MODERATED, current.moderated)?,
        persistent: flag(PERSISTENT, current.persistent)?,
        whois: whois(form, current)?,
        private_messages: private_messages(form, current)?,
        invitations: flag(INVITATIONS, current.invitations)?,
        subject_by_participants: flag(SUBJECT, current.subject_by_participants)?,
        presence_broadcast: roles(form, PRESENCE, &current.presence_broadcast)?,
        member_list: roles(form, MEMBER_LIST, &current.member_list)?,
        archived: flag(ARCHIVED, current.archived)?,
        history_max: history_max(form, current)?,
        contacts: form.values(CONTACTS).map_or_else(|| current.contacts.clone(), <[String]>::to_vec),
        retention_days: current.retention_days,
        kind: kind(form, current)?,
        category: category(form, current)?,
        disabled: flag(DISABLED, current.disabled)?,
        invites_members: flag(INVITES_MEMBERS, current.invites_members)?,
        addin: current.addin,
    })
}

/// A full list of people; `None` if the form has none. Blank lines of a text field are no addresses.
pub(super) fn addresses(form: &Form, var: &str) -> Result<Option<Vec<BareJid>>, Refusal> {
    let Some(values) = form.values(var) else { return Ok(None) };
    let texts = values.iter().map(|value| value.trim()).filter(|text| !text.is_empty());
    let jid = |text| {
        Jid::new(text)
            .map(|jid| jid.bare())
            .map_err(|_malformed| Refusal::BadSetting("an address is malformed"))
    };
    texts.map(jid).collect::<Result<_, _>>().map(Some)
}

/// The switch decides where it is given, and demands a password; a password alone is one that is wanted.
fn password(form: &Form, current: &Settings) -> Result<Option<String>, Refusal> {
    let is_wanted =
        form.boolean(HAS_PASSWORD).map_err(|_fault| Refusal::BadSetting("a yes or no is neither"))?;
    let given = form.value(PASSWORD);
    match (is_wanted, given) {
        (Some(false), _) => Ok(None),
        (Some(true), given) => {
            let password = given.map(str::to_owned).or_else(|| current.password.clone()).unwrap_or_default();
            Some(password)
                .filter(|it| !it.is_empty())
                .map(Some)
                .ok_or(Refusal::BadSetting("the password is empty"))
        }
        (None, Some("")) => Ok(None),
        (None, Some(password)) => Ok(Some(password.to_owned())),
        (None, None) => Ok(current.password.clone()),
    }
}

fn occupants_max(form: &Form, current: &Settings) -> Result<Option<u32>, Refusal> {
    match form.value(OCCUPANTS_MAX) {
        None => Ok(current.occupants_max),
        Some(UNLIMITED | "") => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|_fault| Refusal::BadSetting("the number of occupants is no number")),
    }
}

fn history_max(form: &Form, current: &Settings) -> Result<u32, Refusal> {
    match form.value(HISTORY_MAX) {
        None | Some("") => Ok(current.history_max),
        Some(text) => {
            text.parse().map_err(|_fault| Refusal::BadSetting("the length of the history is no number"))
        }
    }
}

fn whois(form: &Form, current: &Settings) -> Result<Whois, Refusal> {
    match form.value(WHOIS) {
        None => Ok(current.whois),
        Some("moderators") => Ok(Whois::Moderators),
        Some("anyone") => Ok(Whois::Anyone),
        Some(_) => Err(Refusal::BadSetting("who sees real addresses is not known")),
    }
}

fn private_messages(form: &Form, current: &Settings) -> Result<PrivateMessages, Refusal> {
    use PrivateMessages::{Anyone, Moderators, None, Participants};
    let Some(word) = form.value(PRIVATE_MESSAGES) else { return Ok(current.private_messages) };
    [Anyone, Participants, Moderators, None]
        .into_iter()
        .find(|&who| private_messages_word(who) == word)
        .ok_or(Refusal::BadSetting("who sends private messages is not known"))
}

fn private_messages_word(who: PrivateMessages) -> &'static str {
    match who {
        PrivateMessages::Anyone => "anyone",
        PrivateMessages::Participants => "participants",
        PrivateMessages::Moderators => "moderators",
        PrivateMessages::None => "none",
    }
}

fn kind(form: &Form, current: &Settings) -> Result<Kind, Refusal> {
    let Some(word) = form.value(KIND) else { return Ok(current.kind) };
    [Kind::Normal, Kind::Auditorium]
        .into_iter()
        .find(|&kind| kind_word(kind) == word)
        .ok_or(Refusal::BadSetting("what the room is for is not known"))
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Normal => "normal",
        Kind::Auditorium => "auditorium",
    }
}

/// Whether there is such a category, and he may bring the room there, says the room.
fn category(form: &Form, current: &Settings) -> Result<Option<CategoryId>, Refusal> {
    match form.value(CATEGORY) {
        None | Some("") => Ok(current.category),
        Some(text) => {
            let id = text.parse().map_err(|_fault| Refusal::BadSetting("the category is not known"))?;
            Ok(Some(CategoryId(id)))
        }
    }
}

fn roles(form: &Form, var: &str, current: &[Role]) -> Result<Vec<Role>, Refusal> {
    let Some(values) = form.values(var) else { return Ok(current.to_vec()) };
    // XEP-0045 §10.1.3 lets the list of members be seen by affiliations too: those who have one may anyway.
    let words = values
        .iter()
        .map(String::as_str)
        .filter(|word| !matches!(*word, "none" | "member" | "admin" | "owner"));
    let role = |word| Role::parse(word).ok_or(Refusal::BadSetting("a role is not known"));
    words.map(role).collect()
}

pub(super) const ADMINS: &str = "muc#roomconfig_roomadmins";
pub(super) const OWNERS: &str = "muc#roomconfig_roomowners";
const NAME: &str = "muc#roomconfig_roomname";
const DESCRIPTION: &str = "muc#roomconfig_roomdesc";
const LANG: &str = "muc#roomconfig_lang";
const CONTACTS: &str = "muc#roominfo_contactjid";
const PUBLIC: &str = "muc#roomconfig_publicroom";
const PERSISTENT: &str = "muc#roomconfig_persistentroom";
const MEMBERS_ONLY: &str = "muc#roomconfig_membersonly";
const HAS_PASSWORD: &str = "muc#roomconfig_passwordprotectedroom";
const PASSWORD: &str = "muc#roomconfig_roomsecret";
const OCCUPANTS_MAX: &str = "muc#roomconfig_maxusers";
const MODERATED: &str = "muc#roomconfig_moderatedroom";
const SUBJECT: &str = "muc#roomconfig_changesubject";
const INVITATIONS: &str = "muc#roomconfig_allowinvites";
const PRIVATE_MESSAGES: &str = "muc#roomconfig_allowpm";
const ARCHIVED: &str = "muc#roomconfig_enablelogging";
const HISTORY_MAX: &str = "muc#maxhistoryfetch";
const WHOIS: &str = "muc#roomconfig_whois";
const PRESENCE: &str = "muc#roomconfig_presencebroadcast";
const MEMBER_LIST: &str = "muc#roomconfig_getmemberlist";

/// Fields of our own, which clients show as they come (XEP-0068 §3.4: names that nobody has registered begin so).
pub(super) const PRESENTERS: &str = "x-perch_presenters";
const KIND: &str = "x-perch_type";
const CATEGORY: &str = "x-perch_category";
const DISABLED: &str = "x-perch_disabled";
const INVITES_MEMBERS: &str = "x-perch_invitemembers";

/// The word of §10.1.3 for a room without a limit.
const UNLIMITED: &str = "none";
