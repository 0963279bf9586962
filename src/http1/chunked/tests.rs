//! The chunked decoder at every split point, and against sizes that lie.
