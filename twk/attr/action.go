package attr

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/sfere-go/sfere/twk"
)

// Retry says when the client asks again by itself.
type Retry string

// The retry policies of the client. The empty one is RetryAuto.
const (
	RetryAuto   Retry = "auto"   // after a cut connection only
	RetryError  Retry = "error"  // after status 4xx and 5xx as well
	RetryAlways Retry = "always" // also after a normal end
	RetryNever  Retry = "never"  // not after errors; a cut connection is retried all the same
)

// RetryForever is the Options.RetryMaxCount that sets no limit.
const RetryForever = -1

// Cancellation says what becomes of a running request with the same method and
// URL when an action runs again.
type Cancellation string

// The cancellation policies of the client. The empty one is CancelAuto.
const (
	CancelAuto     Cancellation = "auto"     // the running one is aborted
	CancelCleanup  Cancellation = "cleanup"  // the same, and when its element is removed
	CancelDisabled Cancellation = "disabled" // both run
)

// Options adjust a request of the client. Zero fields mean the client's
// defaults.
type Options struct {
	// Origin is the server to ask, such as "https://api.example.com". It must not
	// come from a user, because the page runs what that server answers. Default:
	// that of the page.
	Origin string
	// ContentType is "json", which sends the signals (the default), or "form",
	// which sends the closest form, or that at Selector, and no signals.
	ContentType string
	// Selector finds the form to send.
	Selector string
	// Headers are added to the request.
	Headers map[string]string
	// Include and Exclude are JavaScript regular expressions for the paths of the
	// signals to send. Default: all whose names do not begin with _.
	Include, Exclude string
	// Payload is sent in place of the signals if it is not nil.
	Payload any
	// OpenWhenHidden keeps the request while the page is hidden. Default: false
	// for Get, true for the others.
	OpenWhenHidden *bool
	// Cancellation says what becomes of the same request before. Default: CancelAuto.
	Cancellation Cancellation

	// Retry says when the client asks again. Default: RetryAuto.
	Retry Retry
	// RetryInterval is the first delay. Default 1 s.
	RetryInterval time.Duration
	// RetryScaler multiplies the delay each time. Default 2.
	RetryScaler float64
	// RetryMaxWait bounds the delay. Default 30 s.
	RetryMaxWait time.Duration
	// RetryMaxCount bounds the attempts in a row; RetryForever sets no limit.
	// Default 10.
	RetryMaxCount int
}

// check panics for what the client does not know: it would take an unknown word for
// the default, and a delay in another unit for none, without a word.
func (o *Options) check() {
	refuse := func(field string, value any, remedy string) {
		panic(&twk.Error{Op: "writing an action", Field: field, Err: fmt.Errorf("is %v: use %s", value, remedy)})
	}
	switch o.ContentType {
	case "", "json", "form":
	default:
		refuse("contentType", strconv.Quote(o.ContentType), `"json" or "form"`)
	}
	switch o.Cancellation {
	case "", CancelAuto, CancelCleanup, CancelDisabled:
	default:
		refuse("cancellation", strconv.Quote(string(o.Cancellation)), "one of the Cancel constants")
	}
	switch o.Retry {
	case "", RetryAuto, RetryError, RetryAlways, RetryNever:
	default:
		refuse("retry", strconv.Quote(string(o.Retry)), "one of the Retry constants")
	}
	if d := o.RetryInterval; d != 0 && d < time.Millisecond {
		refuse("retryInterval", d, "a duration of at least a millisecond, such as time.Second")
	}
	if d := o.RetryMaxWait; d != 0 && d < time.Millisecond {
		refuse("retryMaxWait", d, "a duration of at least a millisecond, such as 30*time.Second")
	}
	if f := o.RetryScaler; !(f >= 0) || f > math.MaxFloat64 {
		refuse("retryScaler", f, "a number above 0, such as 2")
	}
	if o.RetryMaxCount < RetryForever {
		refuse("retryMaxCount", o.RetryMaxCount, "a positive number, or RetryForever")
	}
}

// Get returns the expression that requests url with GET. Nothing in url or in
// the options ends the expression, which fits into a double-quoted attribute as
// it is. nil options mean the client's defaults. Get panics with a [*twk.Error] if
// an option has a value that the client does not know, or would not see.
//
// url is a path of the program's own, relative to the page or not. The page runs
// what comes back, so Get panics with a [*twk.Error] if url is empty, or if a
// browser would find a scheme or a host in it, as in //host, \\host and data:.
// [Options.Origin] asks for another server.
//
// A value that goes into a path or query needs url.PathEscape or
// url.QueryEscape, as everywhere.
func Get(url string, o *Options) string { return action("get", url, o) }

// Post is [Get] with POST.
func Post(url string, o *Options) string { return action("post", url, o) }

// Put is [Get] with PUT.
func Put(url string, o *Options) string { return action("put", url, o) }

// Patch is [Get] with PATCH.
func Patch(url string, o *Options) string { return action("patch", url, o) }

// Delete is [Get] with DELETE.
func Delete(url string, o *Options) string { return action("delete", url, o) }

func action(method, url string, o *Options) string {
	var opts []string
	if o != nil {
		opts = o.list()
	}
	return invoke(method, address(url, o), opts)
}

// invoke returns the call of an action.
func invoke(method, url string, opts []string) string {
	if len(opts) == 0 {
		return fmt.Sprintf("@%s(%s)", method, twk.JS(url))
	}
	return fmt.Sprintf("@%s(%s,{%s})", method, twk.JS(url), strings.Join(opts, ","))
}

// list returns what is not default as members of an object.
func (o *Options) list() []string {
	var out []string
	add := func(name, value string) { out = append(out, name+":"+value) }
	text := func(name, value string) {
		if value != "" {
			add(name, twk.JS(value))
		}
	}
	millis := func(name string, d time.Duration) {
		if d != 0 {
			add(name, strconv.FormatInt(d.Milliseconds(), 10))
		}
	}
	o.check()
	text("contentType", o.ContentType)
	text("selector", o.Selector)
	if len(o.Headers) > 0 {
		add("headers", twk.JS(o.Headers))
	}
	var filter []string
	if o.Include != "" {
		filter = append(filter, "include:RegExp("+twk.JS(o.Include)+")")
	}
	if o.Exclude != "" {
		filter = append(filter, "exclude:RegExp("+twk.JS(o.Exclude)+")")
	}
	if filter != nil {
		add("filterSignals", "{"+strings.Join(filter, ",")+"}")
	}
	if o.Payload != nil {
		add("payload", twk.JS(o.Payload))
	}
	if o.OpenWhenHidden != nil {
		add("openWhenHidden", strconv.FormatBool(*o.OpenWhenHidden))
	}
	text("requestCancellation", string(o.Cancellation))
	text("retry", string(o.Retry))
	millis("retryInterval", o.RetryInterval)
	if o.RetryScaler != 0 {
		add("retryScaler", twk.JS(o.RetryScaler))
	}
	millis("retryMaxWait", o.RetryMaxWait)
	switch {
	case o.RetryMaxCount < 0:
		add("retryMaxCount", "Infinity")
	case o.RetryMaxCount > 0:
		add("retryMaxCount", strconv.Itoa(o.RetryMaxCount))
	}
	return out
}
