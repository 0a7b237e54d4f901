package sse

import "net/http"

// head answers a HEAD request with the header of what GET would be answered. Open
// is asked, because it may refuse; the owners are not, because they would change
// something for a stream that does not open.
func (s *service) head(w http.ResponseWriter) error {
	if err := s.ask(); err != nil {
		return err
	}
	s.putHeader(w)
	w.WriteHeader(http.StatusOK)
	return nil
}

// ask runs Open and ends the stream.
func (s *service) ask() error {
	defer s.c.finish(CauseRefused, false)
	if s.o.Open == nil {
		return nil
	}
	return s.o.Open(s.c)
}

// putHeader sets the header fields of a stream.
func (s *service) putHeader(w http.ResponseWriter) {
	h := w.Header()
	streamHeader(h)
	if s.c.encoding != "" {
		h.Set("Content-Encoding", s.c.encoding)
	}
	if s.c.hub.compresses() {
		h.Add("Vary", "Accept-Encoding")
	}
}
