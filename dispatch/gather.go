package dispatch

import "github.com/sfere-go/sfere/effect"

// gathered is what the effects of one dispatch do together at its end.
type gathered struct {
	key, v any
	end    func()
}

// Gather implements core.Runner.
func (r *run) Gather(key any, fresh func() (v any, end func())) (v any, ok bool) {
	m := r.extra()
	if m == returned {
		return nil, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return nil, false
	}
	for _, g := range m.gathered {
		if g.key == key {
			return g.v, true
		}
	}
	g := gathered{key: key}
	g.v, g.end = fresh()
	if m.gathered == nil {
		m.gathered = m.first[:0]
	}
	m.gathered = append(m.gathered, g)
	return g.v, true
}

// doGathered does what has been gathered.
func (r *run) doGathered(m *more) {
	m.mu.Lock()
	all := m.gathered
	m.ended, m.gathered = true, nil
	m.mu.Unlock()
	for _, g := range all {
		if err := guard(func() error { g.end(); return nil }); err != nil {
			r.fail(PhaseEffect, effect.Path{}, nil, "", err)
		}
	}
	clear(all) // the result may be kept for long
}
