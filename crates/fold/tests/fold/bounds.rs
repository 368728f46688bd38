//! What happens when there is too much of something.
