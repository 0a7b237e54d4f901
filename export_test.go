package sfere

// MemoryStore is the store of a Conns that was given none.
func MemoryStore() Store { return &memory{} }

// Pending returns how many changes are to be told, and of how many keys something
// is kept.
func (w *Presence) Pending() (queued, known int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.queue.Len(), len(w.visits.m)
}
