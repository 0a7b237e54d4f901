package dispatch

// KeysHeld returns how many keys of d are remembered, and what its map has
// room for.
func KeysHeld[C any](d *Dispatcher[C]) (held, room int) {
	k := &d.e.keys
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.queue), k.peak
}
