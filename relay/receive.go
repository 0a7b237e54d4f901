package relay

import "time"

// take takes one packet of another node.
func (n *Node) take(p Packet) {
	now := time.Now()
	h, err := readHead(p, n.seals)
	if err != nil {
		n.counts.received.Add(1)
		n.refuse(Refusal{Subject: p.Subject, Err: err})
		return
	}
	if h.from == n.id {
		return
	}
	n.counts.received.Add(1)
	refusal := Refusal{From: h.from, Seq: h.seq, Subject: p.Subject}
	if d := now.Sub(h.sent); h.signed && max(d, -d) > n.opts.MaxAge {
		refusal.Err = errStale
		n.refuse(refusal)
		return
	}
	e, err := n.reader.decode(h, p.Data)
	if err == nil {
		err = n.belongs(e, p.Subject)
	}
	if err == nil && !e.Deadline.IsZero() && now.After(e.Deadline) {
		err = errLate
	}
	at := n.follow(h, p.Subject, now)
	if at.changed != nil {
		n.changed(*at.changed)
		if at.returned {
			n.missedAll(Returned)
		}
	}
	switch {
	case at.gap == nil:
	case at.control: // it may have told of what was lost with any address
		n.missedAll(Skipped)
	default:
		n.gap(*at.gap)
	}
	switch {
	case at.late:
		n.counts.late.Add(1)
	case at.useless:
		n.counts.useless.Add(1)
	case err != nil:
		n.note(ref{h.from, h.seq}, err)
		refusal.Err = err
		n.refuse(refusal)
		if !at.control {
			n.gap(Gap{To: at.to, Presence: at.who, From: h.from, Causes: []Cause{Unreadable}})
		}
	case at.control && ours(e.Body):
		n.handle(h, e)
	default:
		n.receive(h, e, refusal)
	}
}

// receive gives a message to the program.
func (n *Node) receive(h head, e Envelope, refusal Refusal) {
	var err error
	if n.opts.Receive != nil {
		err = n.safely("Receive", func() { n.opts.Receive(Received{e, h.from, h.seq, h.sent}) })
	}
	if e.Report || err != nil {
		n.note(ref{h.from, h.seq}, err)
	}
	if err != nil {
		refusal.Err = err
		n.refuse(refusal)
	}
}

// belongs refuses what comes by a subject that is not its own: the subject decides
// who may publish and who gets it.
func (n *Node) belongs(e Envelope, subject string) error {
	if ours(e.Body) {
		if subject != n.all && subject != n.own {
			return errSubject
		}
		return nil
	}
	if subject == n.own && private(e.Body) {
		return nil
	}
	if _, ok := e.Body.(Interest); ok || n.subjectOf(&e) != subject {
		return errSubject
	}
	return nil
}

// place is where a packet stands among those of its sender.
type place struct {
	to       Address
	control  bool
	who      bool // for presence
	late     bool // doubled or overtaken
	useless  bool // nobody here has its address
	gap      *Gap
	changed  *Member // the sender has come, or has been silent
	returned bool    // it was taken for down
}

// follow looks whether something is missing in front of a packet.
func (n *Node) follow(h head, subject string, now time.Time) (at place) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := n.members[h.from]
	if m == nil {
		m = n.meet(h.from)
	}
	if m.State == Left {
		at.late = true
		return at
	}
	m.heard = now
	if m.State != Live {
		at.returned = m.State == Down
		m.State = Live
		if m.known {
			at.changed = m.copy()
		}
	}
	s := n.subs[subject]
	if s == nil {
		at.useless = true
		return at
	}
	at.to, at.control, at.who = s.to, s.control, s.who
	if subject == n.own {
		return at // what is for one node has no chain
	}
	switch s.see(h.from, h.seq, h.prev, now.Add(-h.age)) {
	case seenLate:
		at.late = true
	case seenGap:
		at.gap = &Gap{To: s.to, Presence: s.who, From: h.from, Causes: []Cause{Skipped}}
	}
	return at
}

type seen int

const (
	seenNext seen = iota
	seenGap
	seenLate
)

// see notes a message of a node and says how it follows the one before. sent is when
// its predecessor prev left its sender at the latest. Node.mu is held.
func (s *sub) see(from ID, seq, prev uint64, sent time.Time) seen {
	last, known := s.last[from]
	if known && seq <= last {
		return seenLate
	}
	s.last[from] = seq
	if prev > last && (known || s.since(sent)) {
		return seenGap
	}
	return seenNext
}

// since reports whether a message that was sent at a time, or before, may have been
// sent when s had taken effect.
func (s *sub) since(sent time.Time) bool { return !s.at.IsZero() && sent.Add(slack).After(s.at) }

// tail compares what a node has sent with what has come. Node.mu is held.
func (n *Node) tail(from ID, hash, seq uint64, sent time.Time) *Gap {
	s := n.byHash[hash]
	if s == nil {
		return nil
	}
	last, known := s.last[from]
	if seq <= last || !known && !s.since(sent) {
		return nil
	}
	s.last[from] = seq
	return &Gap{To: s.to, Presence: s.who, From: from, Causes: []Cause{Skipped}}
}

// handle takes what a node says for itself.
func (n *Node) handle(h head, e Envelope) {
	now := time.Now()
	switch b := e.Body.(type) {
	case beat:
		n.heard(h.from, b)
	case leave:
		n.left(h.from, now)
	case hello:
		if since := now.Sub(n.hailed); since > n.opts.Beat/10 {
			n.hailed = now
			n.beat()
		} else { // one answer for all that come until then
			n.hail.Reset(n.opts.Beat/10 - since + 1)
		}
	case tails:
		var gaps []*Gap
		n.mu.Lock()
		for t := range b.all {
			if g := n.tail(h.from, t.hash, t.seq, now.Add(-t.age)); g != nil {
				gaps = append(gaps, g)
			}
		}
		n.mu.Unlock()
		for _, g := range gaps {
			n.gap(*g)
		}
	case question:
		n.answer(h.from, b)
	case reply:
		n.answered(h.from, b)
	}
}
