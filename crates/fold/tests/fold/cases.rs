//! Single days, worked out by hand.
