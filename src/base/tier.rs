//! How much a request matters while there is too much to do: what carries a lower tier is shed first.

/// A tier, from the first that is shed to the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Tier {
    /// What can wait: batches, crawlers, previews.
    Low,
    /// Whatever says nothing.
    #[default]
    Normal,
    /// What is served as long as anything is.
    High,
}

/// What a tag that names a tier begins with.
const TAG: &str = "priority:";

impl Tier {
    /// Every tier, in order.
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The name in tags and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }

    /// The tier that an entity's tags name; the first such tag counts, a misspelt one does not.
    pub fn of_tags(tags: &[String]) -> Option<Self> {
        let words = tags.iter().filter_map(|tag| tag.strip_prefix(TAG));
        words
            .filter_map(|word| Self::ALL.into_iter().find(|tier| tier.as_str() == word))
            .next()
    }

    /// The first tag that wants to name a tier and does not.
    pub fn misspelt(tags: &[String]) -> Option<&str> {
        let mut words = tags.iter().filter(|tag| tag.starts_with(TAG));
        let wrong = words.find(|tag| Self::of_tags(std::slice::from_ref(*tag)).is_none());
        wrong.map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::Tier;

    fn tags(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|&tag| tag.to_owned()).collect()
    }

    #[test]
    fn tags_name_a_tier() {
        assert_eq!(
            Tier::of_tags(&tags(&["a", "priority:high"])),
            Some(Tier::High)
        );
        assert_eq!(
            Tier::of_tags(&tags(&["priority:hgih", "priority:low"])),
            Some(Tier::Low)
        );
        assert_eq!(Tier::of_tags(&tags(&["high"])), None);
        assert_eq!(
            Tier::misspelt(&tags(&["priority:low", "priority:hgih"])),
            Some("priority:hgih")
        );
        assert_eq!(Tier::misspelt(&tags(&["priority:low"])), None);
        assert!(Tier::Low < Tier::Normal && Tier::Normal < Tier::High);
    }
}
