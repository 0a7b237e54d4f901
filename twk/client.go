package twk

import (
	"fmt"
	"html"
	"html/template"
	"strconv"
	"strings"
	"time"
)

// The Datastar client that this package is written and tested for.
const (
	ClientVersion   = "1.0.2"
	ClientURL       = "https://cdn.jsdelivr.net/gh/starfederation/datastar@" + ClientVersion + "/bundles/datastar.js"
	ClientIntegrity = "sha256-KDfYes9u4LqOTmN2WSbCWpjWOIOwL4i+GUqGuB0/0ko="
)

// Script returns the script tag that loads the Datastar client from src. Empty
// means [ClientURL], whose content the tag pins by its hash.
func Script(src string) HTML { return ScriptWith(ScriptOptions{Src: src}) }

// ScriptOptions say how the Datastar client is loaded. Zero fields mean the
// defaults.
type ScriptOptions struct {
	// Src is the address of the client. Default: ClientURL.
	Src string
	// Integrity is the hash that the browser checks. Default: ClientIntegrity
	// for ClientURL, none for other addresses.
	Integrity string
	// Nonce is that of the page's content security policy. Default: none.
	Nonce string
}

// ScriptWith is [Script] with options.
func ScriptWith(o ScriptOptions) HTML {
	if o.Src == "" || o.Src == ClientURL {
		o.Src = ClientURL
		if o.Integrity == "" {
			o.Integrity = ClientIntegrity
		}
	}
	var b strings.Builder
	add := func(name, value string) { b.WriteString(" " + Attr{name, value}.String()) }
	b.WriteString(`<script type="module"`)
	add("src", o.Src)
	if o.Integrity != "" {
		add("integrity", o.Integrity)
		add("crossorigin", "anonymous")
	}
	if o.Nonce != "" {
		add("nonce", o.Nonce)
	}
	b.WriteString("></script>")
	return HTML(b.String())
}

// Retry says when the client asks again by itself.
type Retry string

// The retry policies of the client. The empty one is RetryAuto.
const (
	RetryAuto   Retry = "auto"   // after a cut connection only
	RetryError  Retry = "error"  // after status 4xx and 5xx as well
	RetryAlways Retry = "always" // also after a normal end
	RetryNever  Retry = "never"  // not after errors; a cut connection is retried all the same
)

// RetryForever as ActionOptions.RetryMaxCount means without end.
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

// ActionOptions adjust a request of the client. Zero fields mean the client's
// defaults.
type ActionOptions struct {
	// ContentType is "json", which sends the signals (the default), or "form",
	// which sends the closest form, or that at Selector, and no signals.
	ContentType string
	// Selector finds the form to send.
	Selector string
	// Headers are added to the request.
	Headers map[string]string
	// Include and Exclude are JavaScript regular expressions for the paths of
	// the signals to send. Default: all but those with a name that begins with _.
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
	// RetryMaxCount bounds the attempts in a row; RetryForever is without end. Default 10.
	RetryMaxCount int
}

// Get returns the expression that requests url with GET. url and the options may
// hold any text: nothing in them ends the expression, which fits into a
// double-quoted attribute as it is. nil options mean the client's defaults.
//
// A value that goes into a path or query needs url.PathEscape or
// url.QueryEscape, as everywhere.
func Get(url string, o *ActionOptions) string { return action("get", url, o) }

// Post is [Get] with POST.
func Post(url string, o *ActionOptions) string { return action("post", url, o) }

// Put is [Get] with PUT.
func Put(url string, o *ActionOptions) string { return action("put", url, o) }

// Patch is [Get] with PATCH.
func Patch(url string, o *ActionOptions) string { return action("patch", url, o) }

// Delete is [Get] with DELETE.
func Delete(url string, o *ActionOptions) string { return action("delete", url, o) }

// StreamAction returns the expression that opens a long stream: [Get] with
// RetryAlways and RetryForever unless o says otherwise. The client's defaults
// give up for good after a restart of the server behind a proxy. A server that
// wants such a client to stay away answers [NoContent].
func StreamAction(url string, o *ActionOptions) string {
	var s ActionOptions
	if o != nil {
		s = *o
	}
	if s.Retry == "" {
		s.Retry = RetryAlways
	}
	if s.RetryMaxCount == 0 {
		s.RetryMaxCount = RetryForever
	}
	return Get(url, &s)
}

func action(method, url string, o *ActionOptions) string {
	var opts []string
	if o != nil {
		opts = o.list()
	}
	if len(opts) == 0 {
		return fmt.Sprintf("@%s(%s)", method, JS(url))
	}
	return fmt.Sprintf("@%s(%s,{%s})", method, JS(url), strings.Join(opts, ","))
}

// list returns what is not default as members of an object.
func (o *ActionOptions) list() []string {
	var out []string
	add := func(name, value string) { out = append(out, name+":"+value) }
	text := func(name, value string) {
		if value != "" {
			add(name, JS(value))
		}
	}
	millis := func(name string, d time.Duration) {
		if d != 0 {
			add(name, strconv.FormatInt(d.Milliseconds(), 10))
		}
	}
	text("contentType", o.ContentType)
	text("selector", o.Selector)
	if len(o.Headers) > 0 {
		add("headers", JS(o.Headers))
	}
	var filter []string
	if o.Include != "" {
		filter = append(filter, "include:RegExp("+JS(o.Include)+")")
	}
	if o.Exclude != "" {
		filter = append(filter, "exclude:RegExp("+JS(o.Exclude)+")")
	}
	if filter != nil {
		add("filterSignals", "{"+strings.Join(filter, ",")+"}")
	}
	if o.Payload != nil {
		add("payload", JS(o.Payload))
	}
	if o.OpenWhenHidden != nil {
		add("openWhenHidden", strconv.FormatBool(*o.OpenWhenHidden))
	}
	text("requestCancellation", string(o.Cancellation))
	text("retry", string(o.Retry))
	millis("retryInterval", o.RetryInterval)
	if o.RetryScaler != 0 {
		add("retryScaler", JS(o.RetryScaler))
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

// Attr is one HTML attribute, for any template engine.
type Attr struct{ Name, Value string }

// DataAttr returns the attribute data-name with an expression as its value, as
// in DataAttr("text", "$name"). name is written by the program, never made from
// user input; one that cannot be part of an attribute name panics.
func DataAttr(name, expression string) Attr {
	ok := name != ""
	for _, r := range name {
		ok = ok && (alphanumeric(r) || strings.ContainsRune("-_:.", r))
	}
	if !ok {
		panic(fmt.Sprintf("twk: attribute name %q: use letters, digits and the signs - _ : . only", "data-"+name))
	}
	return Attr{"data-" + name, expression}
}

// OnAttr returns the attribute that runs an expression on an event. Modifiers
// belong to the event, as in "input__debounce.200ms".
func OnAttr(event, expression string) Attr { return DataAttr("on:"+event, expression) }

// InitAttr returns the attribute that runs an expression when its element appears.
func InitAttr(expression string) Attr { return DataAttr("init", expression) }

// StreamAttr returns the attribute that opens a long stream when its element
// appears; see [StreamAction].
func StreamAttr(url string, o *ActionOptions) Attr { return InitAttr(StreamAction(url, o)) }

// SignalsAttr returns the attribute that sets signals when its element appears.
// v marshals to a JSON object; see [JS].
func SignalsAttr(v any) Attr { return DataAttr("signals", JS(v)) }

// String returns name="value" with the value escaped.
func (a Attr) String() string { return a.Name + `="` + html.EscapeString(a.Value) + `"` }

// HTML returns a for html/template, as in <button {{.Send.HTML}}>.
func (a Attr) HTML() template.HTMLAttr { return template.HTMLAttr(a.String()) }

// Pair returns name and value, for functions such as Attr of gomponents:
// g.Attr(a.Pair()).
func (a Attr) Pair() (name, value string) { return a.Name, a.Value }

// Attrs returns attributes for engines that take a map, such as templ:
// { templ.Attributes(twk.Attrs(a, b))... }.
func Attrs(as ...Attr) map[string]any {
	m := make(map[string]any, len(as))
	for _, a := range as {
		m[a.Name] = a.Value
	}
	return m
}

// Funcs returns functions of this package for html/template: get, post, put,
// patch, delete and stream with a URL and optional *ActionOptions, js, byID,
// elementID and datastar, the script tag. Their results fit into every
// double-quoted attribute:
//
//	<button data-on:click="{{post "/send"}}">
//
// The map belongs to the caller.
func Funcs() template.FuncMap {
	m := template.FuncMap{
		"js":        func(v any) template.JS { return template.JS(JS(v)) },
		"byID":      ByID,
		"elementID": ElementID,
		"datastar":  func(src ...string) template.HTML { return template.HTML(Script(strings.Join(src, ""))) },
	}
	actions := map[string]func(string, *ActionOptions) string{
		"get": Get, "post": Post, "put": Put, "patch": Patch, "delete": Delete, "stream": StreamAction,
	}
	for name, f := range actions {
		m[name] = func(url string, o ...*ActionOptions) template.JS {
			if len(o) == 0 {
				return template.JS(f(url, nil))
			}
			return template.JS(f(url, o[0]))
		}
	}
	return m
}
