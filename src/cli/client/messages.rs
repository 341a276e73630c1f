//! Messages and searches for rooms, as the command line asks for them.

use hyper::Method;

use super::{ClientError, Conversation, escape};
use crate::admin::wire::messages::{
    Cleared, Clearing, MessagePage, MessageQuery, MessageRemoval, Removed, RoomPage, RoomQuery,
};

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
    ) -> Result<Removed, ClientError> {
        self.ask(Method::POST, "/messages/remove", Some(removal)).await
    }

    pub(in crate::cli) async fn search_rooms(&mut self, query: &RoomQuery) -> Result<RoomPage, ClientError> {
        self.ask(Method::POST, "/rooms/search", Some(query)).await
    }

    pub(in crate::cli) async fn clear_room(
        &mut self,
        room: &str,
        clearing: &Clearing,
    ) -> Result<Cleared, ClientError> {
        self.ask(Method::POST, &format!("/rooms/{}/clear", escape(room)), Some(clearing)).await
    }
}
