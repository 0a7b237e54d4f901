package twk

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// scripted is an effect that is a script in the end.
type scripted interface {
	script() (ExecuteScript, error)
}

// Redirect leaves the page for another one.
type Redirect struct {
	// URL is where to: http, https, mailto, or relative to the page. It may be on
	// another site; check it first if it comes from a user.
	URL string `json:"url" jsonschema:"minLength=1,description=http or https or mailto or relative URL to go to"`
	// Nonce is that of the page's content security policy, if it has one.
	Nonce string `json:"nonce,omitempty" jsonschema:"description=nonce of the page's content security policy"`
	EventOptions
}

// EffectName returns "twk/redirect".
func (Redirect) EffectName() string { return "twk/redirect" }

func (e Redirect) script() (ExecuteScript, error) {
	if err := checkURL("url", e.URL, "http", "https", "mailto"); err != nil {
		return ExecuteScript{}, err
	}
	// Later, as some browsers would otherwise replace the history entry.
	return sugar(e.Nonce, e.EventOptions, "setTimeout(() => window.location.href = "+JS(e.URL)+")")
}

// ReplaceURL changes the address of the page without loading it.
type ReplaceURL struct {
	// URL is the new address: relative, or on the same site.
	URL string `json:"url" jsonschema:"minLength=1,description=new address on the same site; relative or http or https"`
	// Nonce is that of the page's content security policy, if it has one.
	Nonce string `json:"nonce,omitempty" jsonschema:"description=nonce of the page's content security policy"`
	EventOptions
}

// EffectName returns "twk/replace-url".
func (ReplaceURL) EffectName() string { return "twk/replace-url" }

func (e ReplaceURL) script() (ExecuteScript, error) {
	if err := checkURL("url", e.URL, "http", "https"); err != nil {
		return ExecuteScript{}, err
	}
	return sugar(e.Nonce, e.EventOptions, "window.history.replaceState({}, '', "+JS(e.URL)+")")
}

// ConsoleLog writes to the console of the browser.
type ConsoleLog struct {
	// Message is what to write.
	Message string `json:"message" jsonschema:"description=text to write"`
	// Level is the kind of message: log, debug, info, warn or error. Default: log.
	Level string `json:"level,omitempty" jsonschema:"enum=,enum=log,enum=debug,enum=info,enum=warn,enum=error,description=kind of message; log if empty"`
	// Nonce is that of the page's content security policy, if it has one.
	Nonce string `json:"nonce,omitempty" jsonschema:"description=nonce of the page's content security policy"`
	EventOptions
}

// EffectName returns "twk/console-log".
func (ConsoleLog) EffectName() string { return "twk/console-log" }

func (e ConsoleLog) script() (ExecuteScript, error) {
	switch e.Level {
	case "":
		e.Level = "log"
	case "log", "debug", "info", "warn", "error":
	default:
		return ExecuteScript{}, fieldError("level", fmt.Errorf("is %q: use log, debug, info, warn or error", e.Level))
	}
	return sugar(e.Nonce, e.EventOptions, "console."+e.Level+"("+JS(e.Message)+")")
}

// DispatchCustomEvent dispatches a CustomEvent in the page, which data-on:name
// attributes and scripts listen to.
type DispatchCustomEvent struct {
	// Name is the type of the event.
	Name string `json:"name" jsonschema:"minLength=1,description=type of the event"`
	// Detail is the event's detail, anything that marshals to JSON.
	Detail any `json:"detail,omitempty" jsonschema:"description=detail of the event; any JSON value"`
	// Selector finds the elements that get the event. Default: the document.
	Selector string `json:"selector,omitempty" jsonschema:"description=CSS selector of the elements that get the event; the document if empty"`
	// Bubbles lets the event rise to the parents. Default: true.
	Bubbles *bool `json:"bubbles,omitempty" jsonschema:"description=let the event rise to the parents; true if absent"`
	// Cancelable lets listeners prevent the default. Default: true.
	Cancelable *bool `json:"cancelable,omitempty" jsonschema:"description=let listeners prevent the default; true if absent"`
	// Composed lets the event leave a shadow tree. Default: true.
	Composed *bool `json:"composed,omitempty" jsonschema:"description=let the event leave a shadow tree; true if absent"`
	// Nonce is that of the page's content security policy, if it has one.
	Nonce string `json:"nonce,omitempty" jsonschema:"description=nonce of the page's content security policy"`
	EventOptions
}

// EffectName returns "twk/dispatch-custom-event".
func (DispatchCustomEvent) EffectName() string { return "twk/dispatch-custom-event" }

func (e DispatchCustomEvent) script() (ExecuteScript, error) {
	if e.Name == "" {
		return ExecuteScript{}, fieldError("name", errors.New("is empty"))
	}
	if err := checkLine("selector", e.Selector); err != nil {
		return ExecuteScript{}, err
	}
	detail, err := literal(e.Detail)
	if err != nil {
		return ExecuteScript{}, fieldError("detail", err)
	}
	targets := "[document]"
	if strings.TrimSpace(e.Selector) != "" {
		targets = "document.querySelectorAll(" + JS(e.Selector) + ")"
	}
	on := func(b *bool) string { return strconv.FormatBool(b == nil || *b) }
	return sugar(e.Nonce, e.EventOptions, "for (const target of "+targets+") target.dispatchEvent(new CustomEvent("+JS(e.Name)+
		", {bubbles: "+on(e.Bubbles)+", cancelable: "+on(e.Cancelable)+", composed: "+on(e.Composed)+", detail: "+detail+"}))")
}

// Prefetch tells the browser which pages are likely to be visited next, by
// speculation rules. The rules stay in the page.
type Prefetch struct {
	// URLs are the pages: http, https, or relative to the page.
	URLs []string `json:"urls" jsonschema:"minItems=1,description=http or https or relative URLs of the pages"`
	// Nonce is that of the page's content security policy, if it has one.
	Nonce string `json:"nonce,omitempty" jsonschema:"description=nonce of the page's content security policy"`
	EventOptions
}

// EffectName returns "twk/prefetch".
func (Prefetch) EffectName() string { return "twk/prefetch" }

func (e Prefetch) script() (ExecuteScript, error) {
	if len(e.URLs) == 0 {
		return ExecuteScript{}, fieldError("urls", errors.New("is empty"))
	}
	for _, u := range e.URLs {
		if err := checkURL("urls", u, "http", "https"); err != nil {
			return ExecuteScript{}, err
		}
	}
	rules, err := json.Marshal(map[string]any{"prefetch": []any{map[string]any{"source": "list", "urls": e.URLs}}})
	if err != nil {
		return ExecuteScript{}, fieldError("urls", err)
	}
	s, err := sugar(e.Nonce, e.EventOptions, string(rules))
	s.Attributes["type"], s.Keep = "speculationrules", true
	return s, err
}

// sugar returns the script with the options that these effects have.
func sugar(nonce string, o EventOptions, script string) (ExecuteScript, error) {
	s := ExecuteScript{Script: script, Attributes: map[string]string{}, EventOptions: o}
	if nonce != "" {
		s.Attributes["nonce"] = nonce
	}
	return s, checkLine("nonce", nonce)
}
