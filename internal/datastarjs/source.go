package datastarjs

import (
	"context"
	"net/http"
	"os"
	"strings"
)

// Source says where a page loads the client from.
type Source struct {
	// Script is what belongs into the src attribute of the script tag, and
	// Integrity, if not empty, into its integrity attribute.
	Script, Integrity string
	// Handler serves Script, if that is a path of the program's own; else nil.
	Handler http.Handler
}

// Resolve returns the source that a -datastar flag names: a URL, a file, or, if
// the flag is empty, the pinned bundle, which the program serves itself if
// [Load] finds it and otherwise leaves to the CDN, as the browser may reach what
// the program cannot. The error is that of reading the file.
func Resolve(ctx context.Context, flag string) (Source, error) {
	if strings.Contains(flag, "://") {
		return Source{Script: flag}, nil
	}
	var js []byte
	var err error
	if flag != "" {
		if js, err = os.ReadFile(flag); err != nil {
			return Source{}, err
		}
	} else if js, err = Load(ctx); err != nil {
		return Source{Script: URL, Integrity: Integrity}, nil
	}
	return Source{Script: "/datastar.js", Handler: Handler(js)}, nil
}
