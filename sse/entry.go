package sse

import (
	"bytes"
	"strings"
	"time"

	"github.com/sfere-go/sfere/internal/excerpt"
)

// Fate says what became of an event, or what happened to its stream.
type Fate string

// The fates of events, and of streams.
const (
	FateOpened   Fate = "opened"   // the stream opened
	FateQueued   Fate = "queued"   // the event waits, or is being written
	FateWritten  Fate = "written"  // it was written: to the server or to a socket, which tells nothing of the client
	FateReplaced Fate = "replaced" // a newer one with the same key took its place, or a newer version waited already
	FateDropped  Fate = "dropped"  // the outbox was full, and it could be dropped
	FateTaken    Fate = "taken"    // the program took it back, see Conn.Withdraw
	FateCut      Fate = "cut"      // the stream ended before it was written, or had no room for it and was cut
	FateClosed   Fate = "closed"   // the stream was closed
)

// Entry is one thing that happened to a stream.
type Entry struct {
	// Seq numbers the entries of a stream from 1. An event has one entry, whose Fate
	// changes once.
	Seq uint64    `json:"seq"`
	At  time.Time `json:"at"` // when it happened; of an event, when it was queued
	// Took is how long an event waited until its fate was known.
	Took time.Duration `json:"tookNanos,omitempty"`
	Fate Fate          `json:"fate"`
	// Cause is why the stream was closed.
	Cause    Cause    `json:"cause,omitempty"`
	Type     string   `json:"type,omitempty"`     // of the event, at most 64 bytes of it
	Size     int      `json:"size,omitempty"`     // of the event in bytes, uncompressed
	Coalesce string   `json:"coalesce,omitempty"` // its key, at most 128 bytes of it
	Overflow Overflow `json:"overflow,omitempty"` // its own policy
	Version  uint64   `json:"version,omitempty"`
	// Text is the beginning of the event as it is on the wire, at most 1 KiB. It is
	// what the client is shown, secrets included.
	Text    string `json:"text,omitempty"`
	Omitted int    `json:"omitted,omitempty"` // bytes of the event that are not in Text
}

// Events are what happened to one stream lately.
type Events struct {
	Stream ConnInfo `json:"stream"`
	// Since is when recording began: when the stream opened, or when somebody began to
	// watch it. It is zero if nothing is recorded.
	Since   time.Time `json:"since,omitzero"`
	Earlier uint64    `json:"earlier,omitempty"` // entries that are not kept any more
	Entries []Entry   `json:"entries"`           // the oldest first; empty rather than nil
}

// What is kept of an event, in bytes.
const (
	maxEntryText = 1 << 10
	maxEntryType = 64
	maxEntryKey  = 128
)

// digest is what entries keep of a frame. It has memory of its own, so that it keeps
// no frame alive, and is shared by all streams that get the frame.
type digest struct {
	typ, text, key string
	overflow       Overflow
	version        uint64
	size           int
}

// digest returns what is kept of f. It is made once.
func (f *Frame) digest() *digest {
	if d := f.brief.Load(); d != nil {
		return d
	}
	text := f.bytes
	if len(text) > maxEntryText {
		text = text[:maxEntryText]
	}
	d := &digest{
		text: strings.ToValidUTF8(string(text), ""), key: strings.Clone(excerpt.Of(f.key, maxEntryKey, "…")),
		overflow: f.overflow, version: f.version, size: len(f.bytes),
	}
	for line := range bytes.Lines(f.bytes[:min(len(f.bytes), 4*maxEntryText)]) {
		if typ, ok := bytes.CutPrefix(line, []byte("event:")); ok {
			d.typ = excerpt.Of(strings.TrimSpace(string(typ)), maxEntryType, "…")
			break
		}
	}
	if !f.brief.CompareAndSwap(nil, d) {
		return f.brief.Load()
	}
	return d
}

// bytes reckons the memory of d.
func (d *digest) bytes() int { return 96 + len(d.text) + len(d.key) + len(d.typ) }
