package attr

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/sfere-go/sfere/internal/weburl"
	"github.com/sfere-go/sfere/twk"
)

// origin is what Options.Origin may be: nothing that a browser could read in
// another way, so no user, path or backslash.
var origin = regexp.MustCompile(`^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)

// Problems with URLs.
var (
	errNoURL    = errors.New("is empty")
	errFront    = errors.New("begins with white space or a control character, which a browser leaves out")
	errScheme   = errors.New("has a scheme: use a path of the program's own, and Options.Origin for another server")
	errHost     = errors.New("names another server: use a path of the program's own, and Options.Origin for another server")
	errOrigin   = errors.New(`must be a scheme and a host, such as "https://api.example.com"`)
	errRelative = errors.New("must begin with / after an origin")
)

// address returns the URL to request. It panics where the client would ask
// another server than the program says, because the page runs what comes back.
func address(url string, o *Options) string {
	field, err := "url", checkPath(url)
	base := ""
	if o != nil && o.Origin != "" && err == nil {
		base = o.Origin
		switch {
		case !origin.MatchString(base):
			field, err = "origin", errOrigin
		case url[0] != '/':
			err = errRelative
		}
	}
	if err != nil {
		panic(&twk.Error{Op: "writing an action", Field: field, Err: fmt.Errorf("%q %w", base+url, err)})
	}
	return base + url
}

// checkPath refuses what leads away from the origin of the page. It reads url as
// browsers do: they leave out tabs and line breaks wherever these are, take a
// backslash for a slash, and look no further than the first characters for a
// scheme or a host.
func checkPath(url string) error {
	switch {
	case url == "":
		return errNoURL
	case url[0] <= ' ':
		return errFront
	}
	url = strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(url)
	if strings.HasPrefix(url, "//") {
		return errHost
	}
	if _, ok := weburl.Scheme(url); ok {
		return errScheme
	}
	return nil
}
