package sse

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// upload is the body of a request that has not been read to its end when its
// stream begins. net/http would throw away what is left of it before the first
// byte of the response, and wait for it as long as the client likes: full duplex
// keeps it from that. What remains to be done is done here: nobody waits for a
// body at the end of a stream, and what comes of it later is not taken for a
// request.
type upload struct {
	io.ReadCloser
	*http.ResponseController
	expects   bool          // the client waits to be asked for it
	asked     atomic.Bool   // it has been asked
	done      atomic.Bool   // read to its end
	late      atomic.Bool   // it did not come by its deadline
	discarded chan struct{} // closed when nobody reads any more what nobody wants; nil before
}

// bodyGrace is how long a response waits for a body that nobody has read, if
// nothing has been sent yet. Nearly always it is there already, and the
// connection can be used for the client's next request.
const bodyGrace = 20 * time.Millisecond

// uploadOf readies w for a body of r that has not been read to its end. It
// returns nil if there is none, or w lets nobody write before it has been read.
func uploadOf(w http.ResponseWriter, r *http.Request) *upload {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 { // the latter also if middleware has wrapped it
		return nil
	}
	if b, ok := r.Body.(interface{ AtEOF() bool }); ok && b.AtEOF() {
		return nil
	}
	u := &upload{ReadCloser: r.Body, ResponseController: http.NewResponseController(w), expects: r.Header.Get("Expect") != ""}
	if u.EnableFullDuplex() != nil || u.atEnd(r) {
		return nil
	}
	r.Body = u
	return u
}

// atEnd finds out whether a body has been read to its end that does not say so by
// a method AtEOF. One of HTTP/1 whose length is known may be asked for no bytes,
// which does not wait.
func (u *upload) atEnd(r *http.Request) bool {
	if r.ProtoMajor != 1 || r.ContentLength < 0 || u.expects {
		return false
	}
	_, err := u.ReadCloser.Read(nil)
	return err == io.EOF
}

// Read reads the body and notes its end.
func (u *upload) Read(p []byte) (int, error) {
	u.asked.Store(true)
	n, err := u.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		u.done.Store(true)
	case errors.Is(err, os.ErrDeadlineExceeded):
		u.late.Store(true)
	}
	return n, err
}

// AtEOF reports whether the body has been read to its end.
func (u *upload) AtEOF() bool { return u.done.Load() }

// SetWriteDeadline frees whoever is stuck on the stream: who reads it as well as
// who writes to it.
func (u *upload) SetWriteDeadline(t time.Time) error {
	if !u.done.Load() {
		_ = u.SetReadDeadline(t)
	}
	return u.ResponseController.SetWriteDeadline(t)
}

// discard reads what nobody has read when the first effects are over. As long as
// it goes on the server does not notice otherwise that the client leaves.
func (u *upload) discard() {
	u.discarded = make(chan struct{})
	go func() {
		defer close(u.discarded)
		_, _ = io.Copy(io.Discard, u)
	}()
	grace := time.NewTimer(bodyGrace)
	defer grace.Stop()
	select {
	case <-u.discarded:
	case <-grace.C:
	}
}

// end leaves the body to net/http, which reads on for a moment unless the
// connection is to be cut.
func (u *upload) end(w http.ResponseWriter, r *http.Request, cut bool) {
	r.Body = u.ReadCloser
	if u.done.Load() {
		return
	}
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close") // if there is still a header to be sent
	}
	if err := u.SetReadDeadline(time.Now()); err == nil && u.discarded != nil {
		u.undiscard()
	}
	if !cut && r.ProtoMajor == 1 {
		_ = u.SetReadDeadline(time.Now().Add(lingerFor))
	}
}

// undiscard waits until nobody reads any more what nobody wants. Who reads may come late,
// on a busy machine, and the reader of a middleware gives each read a deadline of its own.
func (u *upload) undiscard() {
	again := time.NewTicker(bodyGrace)
	defer again.Stop()
	for {
		select {
		case <-u.discarded:
			return
		case <-again.C:
			_ = u.SetReadDeadline(time.Now())
		}
	}
}

// attachUpload makes u known to whoever writes and closes.
func (c *Conn) attachUpload(u *upload) {
	c.write.Lock()
	defer c.write.Unlock()
	c.uploads = true
	c.abortBy(u)
}

// begin readies the response for the first write; the write lock is held. While
// the body has not been read the connection cannot be taken over, and it must not
// be used for another request: what is left of the body would be taken for one.
//
// It is not taken over later either, when the body is over. The header has then gone
// through middleware, and with it what middleware does to a response; the rest would
// go past it, and nobody could put the two parts together.
func (c *Conn) begin() {
	if !c.uploads {
		c.takeOver()
		return
	}
	c.uploads = false
	c.ctl.Lock()
	u, _ := c.abort.(*upload)
	c.ctl.Unlock()
	if u != nil && u.done.Load() {
		c.takeOver()
		return
	}
	c.takes = false
	if !c.http2 {
		c.resp.w.Header().Set("Connection", "close")
	}
	if u != nil && u.expects && !u.asked.Swap(true) {
		c.resp.w.WriteHeader(http.StatusContinue) // later it would be too late to ask
	}
}
