package attr

import "fmt"

// StreamAction returns the expression that opens a long stream: [Get] with
// RetryAlways and RetryForever unless o says otherwise. With the client's
// defaults a page gives up for good when a server behind a proxy restarts.
// Answer [twk.NoContent] to keep such a client away.
//
// A stream with OpenWhenHidden is opened anew when the browser thaws the page,
// takes it from its back/forward cache or is online again, because the old one
// may be dead without anybody having told the page. The client does so itself
// for other streams, which it opens whenever the page becomes visible.
func StreamAction(url string, o *Options) string {
	var s Options
	if o != nil {
		s = *o
	}
	if s.Retry == "" {
		s.Retry = RetryAlways
	}
	if s.RetryMaxCount == 0 {
		s.RetryMaxCount = RetryForever
	}
	if s.OpenWhenHidden == nil || !*s.OpenWhenHidden {
		return Get(url, &s)
	}
	return wakeful(url, &s)
}

// wake opens a stream, and opens it again when the page wakes up. All listeners
// go with the stream, and n counts the requests: the client ends the old one
// only after it has started the new one.
//
// Browsers without freeze events only stop the clocks of a page. look notices
// that by a tick that comes two minutes late; hidden pages get one a minute.
const wake = `(()=>{let n=0,t,r,s=Date.now(),c=new AbortController,o={signal:c.signal},` +
	`open=()=>{n++;%s%s.finally(()=>{n--;if(!n){clearInterval(i);c.abort()}})},` +
	`again=()=>{clearTimeout(t);t=setTimeout(()=>{if(n)open()},50)},` +
	`look=()=>{if(Date.now()-s>12e4)again();s=Date.now()},i=setInterval(look,1e4);open();` +
	`document.addEventListener('resume',again,o);document.addEventListener('visibilitychange',look,o);` +
	`addEventListener('online',again,o);addEventListener('pageshow',e=>{if(e.persisted)again()},o)})()`

func wakeful(url string, o *Options) string {
	end := ""
	if o.Cancellation == CancelDisabled { // the client would leave the old stream running
		o.Cancellation = ""
		end = "r?.abort();"
	}
	opts := o.list()
	if end != "" {
		opts = append(opts, "requestCancellation:r=new AbortController")
	}
	return fmt.Sprintf(wake, end, invoke("get", address(url, o), opts))
}
