// Package gzipcast writes gzip streams whose events are compressed once for
// all streams instead of once per stream.
//
// A stream is [Header] followed by events. Every event is raw DEFLATE that
// looks back at nothing and ends with a sync flush, so the same bytes are valid
// in every stream and the receiver can decode them at once. The events of a
// [Chain] have a second, shorter form that looks back at the chain's previous
// event; [Stream.Next] picks it for a stream whose last bytes were exactly that
// event. Both forms are made when a stream first needs them and then shared.
//
//	enc := gzipcast.NewEncoder(nil)     // one per process
//	room := enc.NewChain()              // one per audience
//	hello := room.Next([]byte("hello")) // one per broadcast
//	var stream gzipcast.Stream          // one per response
//
//	w.Header().Set("Content-Encoding", "gzip")
//	io.WriteString(w, gzipcast.Header)
//	w.Write(stream.Next(hello))                   // shared bytes
//	w.Write(stream.Next(enc.Event([]byte("hi")))) // this stream only
//	w.Write(stream.AppendTrailer(nil))            // the end
//
// A stream costs two words; a compressor of its own would cost 0.8 MB.
//
// # Safety
//
// The receiver cannot notice a short form that follows the wrong event: it
// decodes to garbage without an error. Therefore:
//
//   - Everything sent after [Header] goes through Stream.Next: heartbeats,
//     comments and private events too.
//   - What Next returns is written whole, in the order of the calls: one lock
//     guards both.
//   - After a failed or short write the stream is over; close the connection.
//   - If unsure whether the last event was sent, call [Stream.Reset].
//
// A stream ends with [Stream.AppendTrailer]. Browsers and curl take an end
// without it as a normal one; strict decoders such as compress/gzip report
// [io.ErrUnexpectedEOF]. The checksum of a stream is put together from those of
// its events, so that no stream reads its events again.
//
// Compression leaks through its length (BREACH): keep secrets such as tokens out
// of events, and of chains, that carry text an attacker can choose.
package gzipcast
