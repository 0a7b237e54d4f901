package sfere

// MemoryStore is the store of a Conns that was given none.
func MemoryStore() Store { return &memory{} }

// LimitPresence changes how much is kept of one node, and for how many changes no full
// state is needed. Call it before anything is watched or asked for.
func (c *Conns) LimitPresence(keys, bytes, log int) {
	s := c.cluster.Load().sharing
	s.others.maxKeys, s.others.maxBytes, s.feeds.maxLog = keys, bytes, log
}

// PresenceHash returns the hash of a set of keys as nodes tell it.
func PresenceHash(keys ...Key) (sum uint64) {
	for _, k := range keys {
		sum ^= hashOf(k)
	}
	return sum
}

// Pending returns how many changes are to be told, and of how many keys something
// is kept.
func (w *Presence) Pending() (queued, known int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.queue.Len(), len(w.visits.m)
}

// Feeding reports whether streams are counted for other nodes.
func (c *Conns) Feeding() bool { return c.feeding.Load() != nil }
