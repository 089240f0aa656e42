//! What the compiler tells Epilog's users.
