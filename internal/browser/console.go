package browser

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// console collects what a tab says. Events arrive on chromedp's goroutine in
// the order of the replies to commands, so after a command the messages that
// the page wrote before it are all here.
type console struct {
	mu    sync.Mutex
	lines []string
	errs  []string
	// dialogs has a value while a dialog such as alert() blocks the page.
	dialogs chan struct{}
}

func (c *console) add(kind, text string, isErr bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	line := kind + ": " + text
	c.lines = append(c.lines, line)
	if isErr {
		c.errs = append(c.errs, line)
	}
}

func (c *console) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.lines)
}

func (c *console) errors() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.errs)
}

// listen takes an event of the tab. It must not block nor send commands.
func (c *console) listen(ev any) {
	switch ev := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		args := make([]string, len(ev.Args))
		for i, arg := range ev.Args {
			args[i] = show(arg)
		}
		kind := string(ev.Type)
		c.add(kind, strings.Join(args, " "), kind == "error" || kind == "assert")
	case *runtime.EventExceptionThrown:
		d := ev.ExceptionDetails
		text := d.Text
		if d.Exception != nil {
			text += " " + show(d.Exception)
		}
		c.add("exception", fmt.Sprintf("%s (%s:%d:%d)", text, d.URL, d.LineNumber+1, d.ColumnNumber+1), true)
	case *log.EventEntryAdded:
		// Such as a failed load, or an attack that a policy stopped.
		e := ev.Entry
		c.add(string(e.Level), strings.TrimSpace(e.Text+" "+e.URL), e.Level == log.EntryLevelError)
	case *page.EventJavascriptDialogOpening:
		c.add(string(ev.Type), ev.Message, false)
		select {
		case c.dialogs <- struct{}{}:
		default:
		}
	}
}

// answerDialogs accepts dialogs until the tab is closed: an open one would stop
// every later operation until its timeout, and hide what it said.
func (p *Page) answerDialogs() {
	for {
		select {
		case <-p.console.dialogs:
			// The tab may close meanwhile; there is nobody to tell.
			_, _ = cdp.Call(p.ctx, p.target, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		case <-p.ctx.Done():
			return
		}
	}
}

// show is a short form of a JavaScript value.
func show(o *runtime.RemoteObject) string {
	var s string
	switch {
	case o.Type == runtime.RemoteObjectTypeString && json.Unmarshal(o.Value, &s) == nil:
		return s
	case o.Preview != nil && o.Preview.Description != "" && len(o.Preview.Properties) > 0 && o.Subtype != runtime.RemoteObjectSubtypeError:
		var fields []string
		for _, p := range o.Preview.Properties {
			fields = append(fields, p.Name+": "+p.Value)
		}
		return o.Preview.Description + "{" + strings.Join(fields, ", ") + "}"
	case o.Description != "":
		return o.Description
	case len(o.Value) > 0:
		return string(o.Value)
	default:
		return string(o.Type)
	}
}

// tail keeps the end of Chromium's own output, for the failure to start.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = append(w.buf, p...)
	w.buf = w.buf[max(0, len(w.buf)-4096):]
	return len(p), nil
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.buf)
}
