//! Many short lists in one vector: a visitor's list costs four bytes until it has an item, no allocation of its own, and all
//! lists of a day are freed at once.

/// Where a list begins; a new list is empty.
#[derive(Clone, Copy)]
pub(crate) struct Chain(u32);

const END: u32 = u32::MAX;

impl Default for Chain {
    fn default() -> Self {
        Self(END)
    }
}

struct Link<T> {
    next: u32,
    item: T,
}

/// The items of all lists.
pub(crate) struct Chains<T> {
    links: Vec<Link<T>>,
}

impl<T> Default for Chains<T> {
    fn default() -> Self {
        Self { links: Vec::new() }
    }
}

impl<T> Chains<T> {
    /// Puts an item at the front of a list.
    pub(crate) fn push(&mut self, chain: &mut Chain, item: T) {
        let at =
            u32::try_from(self.links.len()).ok().filter(|at| *at != END).expect("fewer shapes a day than 2^32 - 1");
        self.links.push(Link { next: chain.0, item });
        chain.0 = at;
    }

    /// Items of all lists, wiped ones among them: they take memory.
    pub(crate) const fn len(&self) -> usize {
        self.links.len()
    }

    /// Overwrites a list's items, so that nothing of them is left in memory. The list is not used again.
    pub(crate) fn wipe(&mut self, chain: Chain)
    where
        T: Default,
    {
        let mut next = chain.0;
        while let Some(link) = self.links.get_mut(next as usize) {
            next = std::mem::replace(&mut link.next, END);
            link.item = T::default();
        }
    }

    /// A list's items, the newest first.
    pub(crate) fn iter(&self, chain: Chain) -> impl Iterator<Item = &T> {
        let mut next = chain.0;
        std::iter::from_fn(move || {
            let link = self.links.get(next as usize)?;
            next = link.next;
            Some(&link.item)
        })
    }

    /// The first item of a list that fits, to be changed.
    pub(crate) fn find_mut(&mut self, chain: Chain, fits: impl Fn(&T) -> bool) -> Option<&mut T> {
        let mut at = chain.0;
        while !fits(&self.links.get(at as usize)?.item) {
            at = self.links.get(at as usize)?.next;
        }
        self.links.get_mut(at as usize).map(|link| &mut link.item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_apart() {
        let (mut chains, mut one, mut other) = (Chains::default(), Chain::default(), Chain::default());
        assert_eq!(chains.iter(one).next(), None);
        for number in 0..3 {
            chains.push(&mut one, number);
            chains.push(&mut other, 10 + number);
        }
        assert_eq!(chains.iter(one).copied().collect::<Vec<_>>(), [2, 1, 0]);
        *chains.find_mut(other, |item| *item == 11).unwrap() = 20;
        assert_eq!(chains.iter(other).copied().collect::<Vec<_>>(), [12, 20, 10]);
        assert!(chains.find_mut(one, |item| *item == 20).is_none());
        chains.wipe(one);
        assert_eq!(chains.iter(one).copied().collect::<Vec<_>>(), [0]);
        assert_eq!(chains.iter(other).copied().collect::<Vec<_>>(), [12, 20, 10]);
    }
}
