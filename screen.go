package sfere

import (
	"context"
	"maps"
	"slices"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/flight"
	"github.com/sfere-go/sfere/sse"
)

var _ sse.Owner = (*screen)(nil)

// screen returns that of conn, made if need be; nil if the stream has ended.
func (w *views) screen(conn *sse.Conn) *screen {
	w.mu.Lock()
	s := w.screens[conn]
	fresh := s == nil
	if fresh {
		s = &screen{w: w, conn: conn, shown: map[valueID]*shown{}}
		w.screens[conn] = s
	}
	w.mu.Unlock()
	if fresh {
		if _, ok := conn.Attach(s); !ok {
			s.Closed(conn, conn.Cause())
			return nil
		}
	}
	return s
}

// Live implements [sse.Owner].
func (s *screen) Live(*sse.Conn) {}

// Closed implements [sse.Owner].
func (s *screen) Closed(conn *sse.Conn, _ sse.Cause) {
	s.w.mu.Lock()
	s.closed = true
	all := slices.Collect(maps.Values(s.shown))
	delete(s.w.screens, conn)
	s.w.mu.Unlock()
	for _, sh := range all {
		sh.hide()
	}
}

// Ended implements [sse.Owner].
func (s *screen) Ended(*sse.Conn, sse.Cause) {}

// Lost implements the optional method of [sse.Owner]: everything is sent again.
func (s *screen) Lost(*sse.Conn) {
	for _, sh := range s.all() {
		s.w.flying.Reset(sh.seat)
	}
}

// all returns what the screen shows.
func (s *screen) all() []*shown {
	s.w.mu.RLock()
	defer s.w.mu.RUnlock()
	return slices.Collect(maps.Values(s.shown))
}

// sent is called when something has been written to the stream.
func (s *screen) sent() {
	own := s.own.Load()
	if own == nil {
		return
	}
	for _, sh := range *own {
		if sh.seat.Blocked() && !s.conn.Waiting(sh.key) {
			s.w.flying.Taken(sh.seat.Value())
		}
	}
}

// find returns what is shown as id, or was asked for as id; nil if nothing is.
func (s *screen) find(id valueID) *shown {
	s.w.mu.RLock()
	defer s.w.mu.RUnlock()
	if sh := s.shown[id]; sh != nil {
		return sh
	}
	for _, sh := range s.shown {
		asked := sh.id
		if asked.value = sh.asked; asked == id {
			return sh
		}
	}
	return nil
}

// show puts a value on the screen. If it is there already, it is sent again.
func (s *screen) show(d *view, asked effect.Data, id valueID, call any) error {
	topics, err := topicsOf(id.value)
	if err != nil {
		return err
	}
	w := s.w
	sh := &shown{screen: s, conn: s.conn, def: d, asked: asked, id: id}
	if d.own || d.allow != nil {
		sh.call = call
	}
	w.mu.Lock()
	if s.closed { // it shows nothing any more
		w.mu.Unlock()
		return nil
	}
	if old := s.shown[id]; old != nil {
		w.mu.Unlock()
		w.flying.Reset(old.seat)
		return nil
	}
	s.shown[id] = sh // first: the render of a value of its own looks for it here
	seat, err := w.flying.Join(id, w.kind(d), sh)
	if err != nil {
		delete(s.shown, id)
		w.mu.Unlock()
		return ErrConnsClosed
	}
	v := seat.Value()
	sh.seat, sh.key = seat, viewKey(v)
	w.know(v, id, topics)
	first := false
	if d.own {
		first = s.addOwn(sh)
	}
	w.mu.Unlock()
	if first {
		s.conn.OnSent(s.sent)
	}
	w.flying.Greet(seat)
	if w.checks != nil {
		w.shows(s, d, id.value, topics)
	}
	return nil
}

// addOwn notes a view of the stream's own and reports whether it is the first ever.
// w.mu is held.
func (s *screen) addOwn(sh *shown) (first bool) {
	old := s.own.Load()
	list := []*shown{sh}
	if old != nil {
		list = append(slices.Clone(*old), sh)
	}
	s.own.Store(&list)
	return old == nil
}

// know puts a value that a seat has been made for into the index. w.mu is held.
func (w *views) know(v *flight.Value, id valueID, topics []any) {
	k := w.known[v]
	if k == nil {
		k = &knownValue{places: append(topics, valueID{id.scope, id.value, nil})}
		w.known[v] = k
		name := v.Kind().Name
		if w.byName[name] == nil {
			w.byName[name] = &sorted[*flight.Value]{compare: compareValues}
		}
		w.byName[name].insert(v)
		for _, p := range k.places {
			if w.index[p] == nil {
				w.index[p] = map[*flight.Value]struct{}{}
			}
			w.index[p][v] = struct{}{}
		}
	}
	k.seats++
}

// forget takes sh off its screen, and its value out of the index with the last one.
// It reports whether it was there.
func (w *views) forget(sh *shown) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if sh.screen.shown[sh.id] != sh {
		return false
	}
	delete(sh.screen.shown, sh.id)
	if own := sh.screen.own.Load(); sh.def.own && own != nil {
		list := slices.DeleteFunc(slices.Clone(*own), func(o *shown) bool { return o == sh })
		sh.screen.own.Store(&list)
	}
	v := sh.seat.Value()
	k := w.known[v]
	if k.seats--; k.seats > 0 {
		return true
	}
	delete(w.known, v)
	name := v.Kind().Name
	if w.byName[name].remove(v); w.byName[name].len == 0 {
		delete(w.byName, name)
	}
	for _, p := range k.places {
		if delete(w.index[p], v); len(w.index[p]) == 0 {
			delete(w.index, p)
		}
	}
	return true
}

// hide takes sh off its screen: nothing of it is sent any more, what waits included.
// It reports whether it was there.
func (sh *shown) hide() bool {
	if !sh.screen.w.forget(sh) {
		return false
	}
	sh.screen.w.flying.Leave(sh.seat)
	sh.withdraw()
	return true
}

// withdraw takes back the frames that wait.
func (sh *shown) withdraw() {
	sh.screen.conn.Withdraw(sh.key)
	sh.screen.conn.Withdraw(frameKey(sh.key, 0, 2))
}

// recheck asks what the stream may be shown now. It takes the view away, or shows
// another value instead, and reports whether it did.
func (sh *shown) recheck(ctx context.Context) (changed bool) {
	if sh.def.allow == nil {
		return false
	}
	v, err := sh.def.allowed(ctx, "showing", sh.call, sh.asked)
	id := sh.id
	if id.value = v; err == nil && id == sh.id || !sh.hide() { // as before, or gone already
		return false
	}
	if err == nil {
		err = sh.screen.show(sh.def, sh.asked, id, sh.call)
	}
	if err != nil {
		_ = sh.screen.conn.Emit(ctx, sh.screen.w.words(func() effect.List { return sh.def.last(sh.id.value) })...)
	}
	return true
}

// topicsOf returns the topics of v and everything above them.
func topicsOf(v effect.Data) (places []any, err error) {
	has, ok := v.(interface{ Topics() []Topic })
	if !ok {
		return nil, nil
	}
	err = guarded(func() error {
		for _, t := range has.Topics() {
			for ; t != ""; t = t.above() {
				if p := any(t); !slices.Contains(places, p) {
					places = append(places, p)
				}
			}
		}
		return nil
	})
	return places, err
}
