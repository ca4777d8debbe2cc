//! A field that is not needed cannot cost the message.
