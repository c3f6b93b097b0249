"""What may happen: state machines, who may do what, guards, timers, policy. Nothing here reads a clock or the network."""
