//! Blocks of ClusterIPs: one for each environment, recorded before its Services are made.

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use slipway_crds::v1alpha1::AddressRange;

/// A block of IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    first: u32,
    prefix: u8,
}

/// A text that is no block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an IPv4 range: write it like 10.96.128.0/20")]
pub struct NotABlock(pub String);

impl FromStr for Block {
    type Err = NotABlock;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotABlock(text.to_owned());
        let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let address: Ipv4Addr = address.parse().map_err(|_| wrong())?;
        let prefix: u8 = prefix.parse().map_err(|_| wrong())?;
        if prefix == 0 || prefix > 32 {
            return Err(wrong());
        }
        let mask = u32::MAX << (32 - u32::from(prefix));
        Ok(Self { first: u32::from(address) & mask, prefix })
    }
}

impl fmt::Display for Block {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", Ipv4Addr::from(self.first), self.prefix)
    }
}

impl Block {
    fn size(self) -> u64 {
        1 << (32 - u32::from(self.prefix))
    }

    /// Its addresses, in order.
    pub fn addresses(self) -> impl Iterator<Item = Ipv4Addr> {
        (0..self.size())
            .filter_map(move |i| u32::try_from(u64::from(self.first) + i).ok())
            .map(Ipv4Addr::from)
    }

    fn overlaps(self, other: Self) -> bool {
        let end = |block: Self| u64::from(block.first) + block.size();
        u64::from(self.first) < end(other) && u64::from(other.first) < end(self)
    }
}

/// The first block of the range that overlaps none of those taken.
pub fn next_block(range: &AddressRange, taken: &BTreeSet<Block>) -> Result<Option<Block>, NotABlock> {
    let whole: Block = range.range.parse()?;
    let size = u32::try_from(range.block).ok().filter(|size| size.is_power_of_two());
    let Some(size) = size else { return Ok(None) };
    let prefix = 32 - u8::try_from(size.trailing_zeros()).unwrap_or(0);
    let mut blocks = (0..whole.size() / u64::from(size))
        .filter_map(|i| u32::try_from(u64::from(whole.first) + i * u64::from(size)).ok())
        .map(|first| Block { first, prefix });
    Ok(blocks.find(|block| !taken.iter().any(|other| other.overlaps(*block))))
}

/// An address of the block that nobody has, for a service that has none yet.
pub fn next_address(block: Block, taken: &BTreeSet<Ipv4Addr>) -> Option<Ipv4Addr> {
    block.addresses().find(|address| !taken.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range() -> AddressRange {
        AddressRange { range: "10.96.128.0/26".to_owned(), block: 32 }
    }

    #[test]
    fn blocks_are_given_in_order_until_none_is_left() {
        let mut taken = BTreeSet::new();
        let first = next_block(&range(), &taken).unwrap().unwrap();
        assert_eq!(first.to_string(), "10.96.128.0/27");
        taken.insert(first);
        let second = next_block(&range(), &taken).unwrap().unwrap();
        assert_eq!(second.to_string(), "10.96.128.32/27");
        taken.insert(second);
        assert_eq!(next_block(&range(), &taken), Ok(None));
    }

    #[test]
    fn a_block_of_another_size_is_not_handed_out_again() {
        let taken = BTreeSet::from(["10.96.128.16/28".parse().unwrap()]);
        assert_eq!(next_block(&range(), &taken).unwrap().unwrap().to_string(), "10.96.128.32/27");
    }

    #[test]
    fn an_address_is_given_once() {
        let block: Block = "10.0.0.4/31".parse().unwrap();
        let taken = BTreeSet::from([Ipv4Addr::new(10, 0, 0, 4)]);
        assert_eq!(next_address(block, &taken), Some(Ipv4Addr::new(10, 0, 0, 5)));
    }
}
