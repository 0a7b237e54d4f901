// Package compress has compressors for streams that have one of their own.
//
//	hub := sse.NewHub(&sse.HubOptions{PerStream: []sse.Compressor{compress.Brotli(4, 18), compress.Gzip(0)}})
//
// Most programs want HubOptions.Compress instead, which compresses each event
// once for all streams and holds no memory per stream.
package compress

import (
	"fmt"
	"io"

	"github.com/CAFxX/httpcompression/contrib/andybalholm/brotli"
	"github.com/CAFxX/httpcompression/contrib/compress/gzip"
	"github.com/CAFxX/httpcompression/contrib/klauspost/zstd"
	zstdopts "github.com/klauspost/compress/zstd"

	"github.com/sfere-go/sfere/sse"
)

// Gzip returns a compressor for HubOptions.PerStream; the level is from 1
// (fastest) to 9 (smallest), 0 means 6. An open stream holds 0.8 MB. The shared
// form, HubOptions.Compress, sends about as few bytes and holds none.
func Gzip(level int) sse.Compressor {
	if level == 0 {
		level = 6
	}
	c, err := gzip.New(gzip.Options{Level: level})
	return compressor(gzip.Encoding, c, err)
}

// Brotli returns a compressor for HubOptions.PerStream. The quality is from 0
// (fastest) to 11 (smallest), the window 2^lgwin bytes, lgwin from 10 to 24. An
// open stream holds 2.5 MB with quality 4 and lgwin 18, and 12 MB with quality
// 6 and lgwin 22. It pays for large patches that are sent again and again.
func Brotli(quality, lgwin int) sse.Compressor {
	if quality < 0 || quality > 11 || lgwin < 10 || lgwin > 24 {
		panic(fmt.Sprintf("compress.Brotli(%d, %d): quality is from 0 to 11, lgwin from 10 to 24", quality, lgwin))
	}
	c, err := brotli.New(brotli.Options{Quality: quality, LGWin: lgwin})
	return compressor(brotli.Encoding, c, err)
}

// Zstd returns a compressor for HubOptions.PerStream; level is one of zstd's
// own, 3 being usual, and the window 2^lgwin bytes, lgwin from 10 to 23, the
// most that browsers take. An open stream holds 2.3 MB with level 3 and
// lgwin 18.
func Zstd(level, lgwin int) sse.Compressor {
	if lgwin < 10 || lgwin > 23 {
		panic(fmt.Sprintf("compress.Zstd(%d, %d): lgwin is from 10 to 23", level, lgwin))
	}
	c, err := zstd.New(
		zstdopts.WithEncoderLevel(zstdopts.EncoderLevelFromZstd(level)), zstdopts.WithWindowSize(1<<lgwin),
		zstdopts.WithEncoderConcurrency(1), zstdopts.WithLowerEncoderMem(true),
	)
	return compressor(zstd.Encoding, c, err)
}

func compressor(encoding string, c interface {
	Get(io.Writer) io.WriteCloser
}, err error) sse.Compressor {
	if err != nil { // a level that is out of range
		panic("compress: " + encoding + ": " + err.Error())
	}
	return sse.Compressor{Encoding: encoding, New: c.Get}
}
