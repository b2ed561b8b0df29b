//! Generational identities. An id is never reused for another thing: petgraph reuses indices, we count generations.

use std::fmt;

macro_rules! generational_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name {
            pub(crate) index: u32,
            pub(crate) generation: u32,
        }

        impl $name {
            /// Position in the tables of a schedule; meaningful only together with [`Self::generation`].
            pub fn index(self) -> usize {
                self.index as usize
            }

            /// How often the position had been used before.
            pub fn generation(self) -> u32 {
                self.generation
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        /// `n3`, or `n3.2` where the position is used for the third time.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, self.index)?;
                if self.generation > 0 { write!(f, ".{}", self.generation) } else { Ok(()) }
            }
        }
    };
}

generational_id!(
    /// A node's identity, for as long as the graph lives.
    NodeId,
    "n"
);
generational_id!(
    /// An edge's identity, for as long as the graph lives.
    EdgeId,
    "e"
);

impl EdgeId {
    /// An identity that no graph gives to an edge: for what is merged outside of one, such as the devices that one port
    /// stands for.
    pub fn outside(number: u32) -> Self {
        Self { index: number, generation: u32::MAX }
    }
}
