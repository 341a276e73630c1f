//! Data forms (XEP-0004): built to ask with, read as somebody filled them in.
//!
//! What a submission says of a field's type is not kept: who asked knows it.

use thiserror::Error;

use crate::namespace;
use crate::xml::Element;

/// A form, empty or filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What it is in the conversation.
    pub kind: FormKind,
    /// A label for the whole.
    pub title: Option<String>,
    /// What to do with it, in words.
    pub instructions: Option<String>,
    /// The fields in the order in which they are shown.
    pub fields: Vec<Field>,
}

/// The four types of form (XEP-0004 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormKind {
    /// To be filled in.
    Form,
    /// Filled in.
    Submit,
    /// Not going to be filled in.
    Cancel,
    /// Something reported.
    Result,
}

/// One field with its values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Field {
    /// What identifies it; empty for a fixed text.
    pub var: String,
    /// What is asked for; `None` in a submission.
    pub kind: Option<FieldKind>,
    /// Its name for people.
    pub label: Option<String>,
    /// Whether the form is not valid without it.
    pub is_required: bool,
    /// The default, or what was filled in.
    pub values: Vec<String>,
    /// The choices: label and value.
    pub options: Vec<(String, String)>,
}

/// What a field asks for (XEP-0004 §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Yes or no.
    Boolean,
    /// A text to be read.
    Fixed,
    /// Sent back as it came.
    Hidden,
    /// Any number of addresses.
    JidMulti,
    /// One address.
    JidSingle,
    /// Any number of choices.
    ListMulti,
    /// One choice.
    ListSingle,
    /// Several lines.
    TextMulti,
    /// A line that is not shown.
    TextPrivate,
    /// A line.
    TextSingle,
}

/// Why an element is no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FormError {
    /// Another element altogether.
    #[error("this is no data form")]
    NotAForm,
    /// Its type is none of the four.
    #[error("the form has no type that is known")]
    UnknownType,
    /// A field that has values but no name.
    #[error("a field of the form has no name")]
    NamelessField,
    /// A name that two fields have.
    #[error("two fields of the form have one name")]
    RepeatedField,
    /// A value that is no boolean where one is needed.
    #[error("a yes or no is neither")]
    NotABoolean,
}

impl Form {
    /// A form of this type (`FORM_TYPE`, XEP-0068).
    pub fn new(kind: FormKind, form_type: &str) -> Self {
        let kind_of_field = (kind != FormKind::Submit).then_some(FieldKind::Hidden);
        let form_type =
            Field { var: FORM_TYPE.into(), kind: kind_of_field, ..Field::default() }.with_value(form_type);
        Self { kind, title: None, instructions: None, fields: vec![form_type] }
    }

    /// This form with that title.
    #[must_use]
    pub fn with_title(mut self, title: &str) -> Self {
        self.title = Some(title.into());
        self
    }

    /// This form with those instructions.
    #[must_use]
    pub fn with_instructions(mut self, instructions: &str) -> Self {
        self.instructions = Some(instructions.into());
        self
    }

    /// This form with that field at the end.
    #[must_use]
    pub fn with_field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// Reads a form. Fields that are not known are for the caller to ignore.
    pub fn read(x: &Element) -> Result<Self, FormError> {
        if !x.is("x", namespace::DATA_FORM) {
            return Err(FormError::NotAForm);
        }
        let kind = x.attribute("type").and_then(FormKind::parse).ok_or(FormError::UnknownType)?;
        let mut fields: Vec<Field> = Vec::new();
        for element in x.children().filter(|child| child.is("field", namespace::DATA_FORM)) {
            let field = Field::read(element)?;
            if !field.var.is_empty() && fields.iter().any(|other| other.var == field.var) {
                return Err(FormError::RepeatedField);
            }
            fields.push(field);
        }
        Ok(Self {
            kind,
            title: x.child_text("title", namespace::DATA_FORM),
            instructions: x.child_text("instructions", namespace::DATA_FORM),
            fields,
        })
    }

    /// The value of the field `FORM_TYPE`.
    pub fn form_type(&self) -> Option<&str> {
        self.value(FORM_TYPE)
    }

    /// Whether nothing was filled in.
    pub fn is_empty(&self) -> bool {
        self.fields.iter().all(|field| field.var == FORM_TYPE)
    }

    /// The field of that name.
    pub fn field(&self, var: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.var == var)
    }

    /// The first value of the field of that name.
    pub fn value(&self, var: &str) -> Option<&str> {
        self.field(var)?.values.first().map(String::as_str)
    }

    /// All values of the field of that name; `None` if it is not in the form.
    pub fn values(&self, var: &str) -> Option<&[String]> {
        self.field(var).map(|field| &field.values[..])
    }

    /// The yes or no of the field of that name; `None` if it is not in the form, or was left empty.
    pub fn boolean(&self, var: &str) -> Result<Option<bool>, FormError> {
        self.value(var).map(parse_boolean).transpose()
    }

    /// The form as an element.
    pub fn to_element(&self) -> Element {
        let text = |name: &str, text: &str| Element::new(name, namespace::DATA_FORM).with_text(text);
        Element::new("x", namespace::DATA_FORM)
            .with_attribute("type", self.kind.as_str())
            .with_children(self.title.as_deref().map(|title| text("title", title)))
            .with_children(self.instructions.as_deref().map(|it| text("instructions", it)))
            .with_children(self.fields.iter().map(Field::to_element))
    }
}

impl FormKind {
    /// The attribute value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Submit => "submit",
            Self::Cancel => "cancel",
            Self::Result => "result",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Form, Self::Submit, Self::Cancel, Self::Result].into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Field {
    /// A field that asks, without a value.
    pub fn new(kind: FieldKind, var: &str, label: &str) -> Self {
        Self { var: var.into(), kind: Some(kind), label: Some(label.into()), ..Self::default() }
    }

    /// A yes or no.
    pub fn boolean(var: &str, label: &str, value: bool) -> Self {
        Self::new(FieldKind::Boolean, var, label).with_value(if value { "1" } else { "0" })
    }

    /// A line of text.
    pub fn text(var: &str, label: &str, value: &str) -> Self {
        Self::new(FieldKind::TextSingle, var, label).with_value(value)
    }

    /// A value that is only reported.
    pub fn reported(var: &str, value: &str) -> Self {
        Self { var: var.into(), ..Self::default() }.with_value(value)
    }

    /// A field of a submission.
    pub fn submitted(var: &str, values: &[&str]) -> Self {
        Self { var: var.into(), ..Self::default() }.with_values(values)
    }

    /// This field with one more value.
    #[must_use]
    pub fn with_value(mut self, value: &str) -> Self {
        self.values.push(value.into());
        self
    }

    /// This field with those values more.
    #[must_use]
    pub fn with_values<T: AsRef<str>>(mut self, values: impl IntoIterator<Item = T>) -> Self {
        self.values.extend(values.into_iter().map(|value| value.as_ref().to_owned()));
        self
    }

    /// This field with one more choice.
    #[must_use]
    pub fn with_option(mut self, label: &str, value: &str) -> Self {
        self.options.push((label.into(), value.into()));
        self
    }

    /// This field, without which the form is not valid.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    fn read(element: &Element) -> Result<Self, FormError> {
        let kind = element.attribute("type").and_then(FieldKind::parse);
        let value = |of: &Element| of.child_text("value", namespace::DATA_FORM);
        let named = |name| element.children().filter(move |child| child.is(name, namespace::DATA_FORM));
        let var = element.attribute("var").unwrap_or_default();
        if var.is_empty() && kind != Some(FieldKind::Fixed) {
            return Err(FormError::NamelessField);
        }
        Ok(Self {
            var: var.into(),
            kind,
            label: element.attribute("label").map(Into::into),
            is_required: named("required").next().is_some(),
            values: named("value").map(Element::text).collect(),
            options: named("option")
                .filter_map(|option| {
                    Some((option.attribute("label").unwrap_or_default().into(), value(option)?))
                })
                .collect(),
        })
    }

    fn to_element(&self) -> Element {
        let value = |text: &str| Element::new("value", namespace::DATA_FORM).with_text(text);
        let option = |(label, text): &(String, String)| {
            Element::new("option", namespace::DATA_FORM)
                .with_optional("label", Some(label.as_str()).filter(|label| !label.is_empty()))
                .with_child(value(text))
        };
        Element::new("field", namespace::DATA_FORM)
            .with_optional("var", Some(self.var.as_str()).filter(|var| !var.is_empty()))
            .with_optional("type", self.kind.map(FieldKind::as_str))
            .with_optional("label", self.label.as_deref())
            .with_children(self.is_required.then(|| Element::new("required", namespace::DATA_FORM)))
            .with_children(self.values.iter().map(|text| value(text)))
            .with_children(self.options.iter().map(option))
    }
}

impl FieldKind {
    /// The attribute value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Fixed => "fixed",
            Self::Hidden => "hidden",
            Self::JidMulti => "jid-multi",
            Self::JidSingle => "jid-single",
            Self::ListMulti => "list-multi",
            Self::ListSingle => "list-single",
            Self::TextMulti => "text-multi",
            Self::TextPrivate => "text-private",
            Self::TextSingle => "text-single",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            Self::Boolean,
            Self::Fixed,
            Self::Hidden,
            Self::JidMulti,
            Self::JidSingle,
            Self::ListMulti,
            Self::ListSingle,
            Self::TextMulti,
            Self::TextPrivate,
            Self::TextSingle,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
    }
}

/// XEP-0004 takes the lexical forms of XML Schema.
fn parse_boolean(text: &str) -> Result<bool, FormError> {
    match text.trim() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(FormError::NotABoolean),
    }
}

/// The field that says what form it is (XEP-0068).
const FORM_TYPE: &str = "FORM_TYPE";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(xml: &str) -> Result<Form, FormError> {
        let xml = format!("<x xmlns='jabber:x:data'{xml}</x>");
        Form::read(&Element::parse(xml.as_bytes(), namespace::CLIENT).unwrap())
    }

    #[test]
    fn a_submission_is_read_by_the_names_of_its_fields() {
        let form = read(
            " type='submit'><field var='FORM_TYPE' type='hidden'><value>urn:tea</value></field>\
             <field var='name'><value>Earl &amp; Grey</value></field>\
             <field var='milk'><value>true</value></field>\
             <field var='guests'><value>a@x</value><value>b@x</value></field>\
             <field var='none'/><field type='fixed'><value>Thank you</value></field>",
        )
        .unwrap();
        assert_eq!(form.kind, FormKind::Submit);
        assert_eq!(form.form_type(), Some("urn:tea"));
        assert_eq!(form.value("name"), Some("Earl & Grey"));
        assert_eq!(form.values("guests"), Some(&["a@x".to_string(), "b@x".to_string()][..]));
        assert_eq!(form.values("none"), Some(&[][..]));
        assert_eq!(form.values("sugar"), None);
        assert_eq!(form.boolean("milk"), Ok(Some(true)));
        assert_eq!(form.boolean("none"), Ok(None));
        assert_eq!(form.boolean("name"), Err(FormError::NotABoolean));
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let check = |xml: &str, expected| assert_eq!(read(xml), Err(expected), "{xml}");
        check(">", FormError::UnknownType);
        check(" type='order'>", FormError::UnknownType);
        check(" type='submit'><field><value>x</value></field>", FormError::NamelessField);
        check(" type='submit'><field var='a'/><field var='a'/>", FormError::RepeatedField);
        let other = Element::new("x", namespace::MUC);
        assert_eq!(Form::read(&other), Err(FormError::NotAForm));
    }

    #[test]
    fn an_empty_submission_is_known_as_one() {
        let check = |xml: &str, expected| assert_eq!(read(xml).unwrap().is_empty(), expected);
        check(" type='submit'>", true);
        check(" type='submit'><field var='FORM_TYPE'><value>urn:tea</value></field>", true);
        check(" type='submit'><field var='a'/>", false);
    }

    #[test]
    fn booleans_have_four_spellings() {
        let check = |text: &str, expected| assert_eq!(parse_boolean(text), expected);
        check("1", Ok(true));
        check("true", Ok(true));
        check("0", Ok(false));
        check(" false ", Ok(false));
        check("yes", Err(FormError::NotABoolean));
        check("", Err(FormError::NotABoolean));
    }

    #[test]
    fn a_form_survives_the_wire() {
        let form = Form::new(FormKind::Form, "urn:tea")
            .with_title("Tea")
            .with_instructions("Choose.")
            .with_field(Field::boolean("milk", "Milk?", false))
            .with_field(Field::text("name", "Name", "").required())
            .with_field(
                Field::new(FieldKind::ListSingle, "kind", "Kind")
                    .with_value("green")
                    .with_option("Green", "green")
                    .with_option("Black", "black"),
            );
        let bytes = form.to_element().to_bytes(namespace::CLIENT);
        let again = Element::parse(&bytes, namespace::CLIENT).unwrap();
        assert_eq!(Form::read(&again), Ok(form));
    }

    #[test]
    fn every_kind_of_form_and_field_has_its_word() {
        for kind in [FormKind::Form, FormKind::Submit, FormKind::Cancel, FormKind::Result] {
            assert_eq!(FormKind::parse(kind.as_str()), Some(kind));
        }
        for kind in [FieldKind::Boolean, FieldKind::JidMulti, FieldKind::TextPrivate, FieldKind::TextMulti] {
            assert_eq!(FieldKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(FieldKind::parse("colour"), None);
    }
}
