//! Which side of a request its lines tell of: a gateway, a caller, a callee.

use super::summary::{Counts, Summary};
use crate::envoy::Direction;
use crate::record::Outcome;

/// Requests by the side whose proxy logged them. A request may be in the logs of both: sides are never added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sides {
    /// A gateway that its listener's lines prove to be one: see [`Summary::vantages`].
    pub gateway: Counts,
    /// The caller's sidecar or ztunnel, and gateways that nothing tells from them.
    pub caller: Counts,
    /// The callee's sidecar or ztunnel.
    pub callee: Counts,
    /// Inner connections of ambient's tunnel: the requests that they carry are logged as well.
    pub tunnel: Counts,
    /// The record does not tell.
    pub untold: Counts,
}

packed!(Sides { gateway, caller, callee, tunnel, untold });

impl Sides {
    /// The counts of one side.
    pub fn of_mut(&mut self, direction: Option<Direction>, tunnel: bool) -> &mut Counts {
        match direction {
            None if tunnel => &mut self.tunnel,
            Some(Direction::Outbound) => &mut self.caller,
            Some(Direction::Inbound) => &mut self.callee,
            None => &mut self.untold,
        }
    }

    pub(super) fn merge(&mut self, later: Sides) {
        self.gateway.merge(later.gateway);
        self.caller.merge(later.caller);
        self.callee.merge(later.callee);
        self.tunnel.merge(later.tunnel);
        self.untold.merge(later.untold);
    }
}

/// What the lines of one listener tell of the proxy behind it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Door {
    /// Records whose upstream connection left from the listener's own address, for a client of another machine.
    own_address: u64,
    /// Records with an outbound cluster.
    caller: Counts,
    /// Records whose cluster tells no side, or without one.
    untold: Counts,
}

packed!(Door { own_address, caller, untold });

impl Door {
    pub(super) fn add(
        &mut self,
        direction: Option<Direction>,
        tunnel: bool,
        own: bool,
        outcome: Outcome,
        n: u64,
    ) {
        match direction {
            Some(Direction::Inbound) => return,
            Some(Direction::Outbound) => self.caller.add(outcome, n),
            None if tunnel => return,
            None => self.untold.add(outcome, n),
        }
        self.own_address += if own { n } else { 0 };
    }

    pub(super) fn merge(&mut self, other: &Door) {
        self.own_address += other.own_address;
        self.caller.merge(other.caller);
        self.untold.merge(other.untold);
    }

    /// A gateway is reached at the address from which it calls; a sidecar at the one that its application dialled.
    pub fn is_gateway(&self) -> bool {
        self.own_address > 0
    }
}

impl Summary {
    /// Requests by the side that logged them, gateways apart: what came to a listener that is known for a gateway's is the
    /// gateway's, with or without an upstream. Listeners beyond the cap stay with the callers.
    pub fn vantages(&self) -> Sides {
        let mut sides = self.sides;
        for door in self.listeners.values().map(|l| &l.door).filter(|door| door.is_gateway()) {
            sides.caller = sides.caller.without(door.caller);
            sides.untold = sides.untold.without(door.untold);
            sides.gateway.merge(door.caller);
            sides.gateway.merge(door.untold);
        }
        sides
    }
}
