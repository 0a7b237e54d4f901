package sfere

import "maps"

// shrinking is a map that gives memory back: a map of the language keeps that of
// its largest size. Once less than a quarter of it is in use it is rebuilt, which
// makes O(1) per deletion over time. The zero shrinking is empty and ready to use;
// it may be read through m. It is not synchronised.
type shrinking[K comparable, V any] struct {
	m    map[K]V
	peak int // of len(m) since it was made
}

// minShrink is the size below which a map is left as it is.
const minShrink = 64

func (s *shrinking[K, V]) set(k K, v V) {
	if s.m == nil {
		s.m = map[K]V{}
	}
	s.m[k] = v
	s.peak = max(s.peak, len(s.m))
}

func (s *shrinking[K, V]) delete(k K) {
	delete(s.m, k)
	switch n := len(s.m); {
	case n == 0:
		*s = shrinking[K, V]{}
	case s.peak >= minShrink && n < s.peak/4:
		small := make(map[K]V, n)
		maps.Copy(small, s.m)
		*s = shrinking[K, V]{small, n}
	}
}
