//! The queue of one sink against scripted receivers, in virtual time.
