//! Every rule of an account in its effect on what sessions are sent, each feature in a file of its own.

mod blocking;
mod letters;
mod pep;
mod presence;
mod roster;
