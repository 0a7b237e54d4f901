// Package flight decides when values are rendered, and who is given what came of it.
// It knows nothing of streams, markup and effects.
//
// A value has seats: somebody who is shown it. A flight is one render of a value
// together with the handing out of the frame to its seats; one value has at most one
// flight at a time. That what a value shows may have changed is one number:
//
//	s := flight.New(&flight.Options{Workers: 4, Deliver: deliver})
//	board := &flight.Kind{Name: "board", Interval: 100 * time.Millisecond, Render: render}
//	seat, err := s.Join(boardID, board, viewer) // is given a frame, and every newer one
//	s.Greet(seat)
//	s.Mark(seat.Value(), flight.Mark{})         // one more flight, begun after this
//	s.Leave(seat)
//
// # Generations
//
// want is raised by everything that asks for a newer state; began is want when the
// flight began; done is began once its frame has been handed out. A value is dirty
// while want > done. Nobody ever says "clean": a flight that began before a mark
// cannot undo it.
//
// # Locks
//
// Scheduler.mu guards the values, their seats and the queues. Value.giving is held
// while a frame is handed out, so that frames of one value are handed out one after
// the other; Scheduler.mu may be taken under it, and it is never taken under
// Scheduler.mu. Deliver, Gone and Failed are called under giving, and only put
// frames into memory. Render and Report are called under no lock.
//
// # Goroutines
//
// Workers are started when something is to be rendered and end when nothing is. A
// timer wakes them for what has to wait. A value at rest has neither.
package flight
