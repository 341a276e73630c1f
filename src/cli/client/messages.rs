//! Messages and searches for rooms, as the command line asks for them.

use hyper::Method;

use super::{ClientError, Conversation, escape, query};
use crate::admin::wire::messages::{
    Cleared, Clearing, MessagePage, MessageQuery, MessageRemoval, Removed, RoomPage, RoomQuery,
};
use crate::cli::consent::Trial;

impl Conversation {
    pub(in crate::cli) async fn search_messages(
        &mut self,
        query: &MessageQuery,
    ) -> Result<MessagePage, ClientError> {
        self.ask(Method::POST, "/messages/search", Some(query)).await
    }

    pub(in crate::cli) async fn remove_messages(
        &mut self,
        removal: &MessageRemoval,
        trial: Trial,
    ) -> Result<Removed, ClientError> {
        let path = format!("/messages/remove{}", query([trial.parameter()]));
        self.ask(Method::POST, &path, Some(removal)).await
    }

    pub(in crate::cli) async fn search_rooms(&mut self, query: &RoomQuery) -> Result<RoomPage, ClientError> {
        self.ask(Method::POST, "/rooms/search", Some(query)).await
    }

    pub(in crate::cli) async fn clear_room(
        &mut self,
        room: &str,
        clearing: &Clearing,
        trial: Trial,
    ) -> Result<Cleared, ClientError> {
        let path = format!("/rooms/{}/clear{}", escape(room), query([trial.parameter()]));
        self.ask(Method::POST, &path, Some(clearing)).await
    }
}
