// Package lastof remembers the last of many things by their keys.
package lastof

// Map has the values of the keys that were set last, Max of them. Set Max before the
// first use. It has no lock of its own.
type Map[K comparable, V any] struct {
	Max int

	values map[K]V
	ring   []K
	next   int // in ring, once it is full
}

// Get returns the value of a key. ok is false if it was never set, or is forgotten.
func (m *Map[K, V]) Get(k K) (v V, ok bool) {
	v, ok = m.values[k]
	return v, ok
}

// Set sets the value of a key. If that is one too many, it forgets the key that was set
// first. A key that is set again keeps its place.
func (m *Map[K, V]) Set(k K, v V) {
	if m.values == nil {
		m.values = map[K]V{}
	}
	if _, ok := m.values[k]; ok {
		m.values[k] = v
		return
	}
	if len(m.ring) < m.Max {
		m.ring = append(m.ring, k)
	} else {
		delete(m.values, m.ring[m.next])
		m.ring[m.next] = k
		m.next = (m.next + 1) % m.Max
	}
	m.values[k] = v
}
