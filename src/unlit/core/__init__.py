"""The few words every room shares: ids, states, money, errors, clock. Pure, except `system`."""
