package attr

import (
	"fmt"
	"regexp"
)

var signalName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// Status returns the attribute that keeps a signal at what became of the
// requests of its element, a long stream as well as an action. It belongs on the
// element that sends them:
//
//   - "": nothing is wrong
//   - "lost": the connection is lost, or the server is away, and the client
//     tries again
//   - "back": data came after that
//   - "failed": the client has given up, or the server has answered 4xx or 5xx,
//     such as a proxy's 502. What was sent is lost, unless the client tries again
//     by itself, which makes it "lost" at once
//
// Begin the name with _, so that the client does not send the signal. Several
// elements may share one. The client does not tell that a stream is open again
// before data comes, so a stream must begin with an event.
//
// Status panics if signal is not a name of letters, digits and _.
func Status(signal string) Attr {
	if !signalName.MatchString(signal) {
		panic(fmt.Sprintf("attr: signal name %q: use letters, digits and _ only, and no digit first", signal))
	}
	return On("datastar-fetch", fmt.Sprintf(status, "$"+signal))
}

// status follows the client's events. It counts the requests in the element,
// because one that another replaces is finished only after that has started, and
// must not hide that the connection is lost. The first start may come before the
// client has read this attribute.
const status = `if(evt.detail.el===el){let t=evt.detail.type;` +
	`if(t==='started'){el.sfereOpen=(el.sfereOpen||0)+1;if(%[1]s==='failed')%[1]s=''}` +
	`else if(t==='retrying'){el.sfereOpen||=1;%[1]s='lost'}` +
	`else if(t==='error'||t==='retries-failed')%[1]s='failed';` +
	`else if(t==='finished'){el.sfereOpen=(el.sfereOpen||1)-1;if(!el.sfereOpen)if(%[1]s==='lost')%[1]s=''}` +
	`else if(%[1]s==='lost')%[1]s='back'}`
