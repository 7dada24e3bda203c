"""Where objects go, when to try again, and when they are truly there: routes, the outbox, proof."""
