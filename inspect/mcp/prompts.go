package mcp

import (
	"context"
	"fmt"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// prompt is a way to go about a task. In its text, %s is what the user said.
type prompt struct {
	name, doc      string
	arg, argDoc    string
	needed         bool
	text, fallback string // fallback stands for an argument that is left out
}

const explore = `Find out what the running program can do. The question is: %s

1. grep for the words of the question, then for parts of names. describe without arguments lists everything; kind "action" or "placeholder" lists only those.
2. describe what fits, by its name: its fields, what is required, how far it reaches (pure, local, external), its examples.
3. sample gives calls that are valid. Start from one; do not write a call from memory.
4. connections says who is there. A key is scope/category/id; a pattern such as */lobby/* leaves parts open. Begin with "count" if there may be many.
5. dispatches says what the program did lately, and failures what went wrong; one dispatch by its number shows all of it.

Nothing of this changes anything. Answer with the name of each item, what it does, what it needs, and one call in JSON that you have checked with validate.`

const author = `Write a list of effects for the running program. It is to do this: %s

1. grep and describe the items that you need. Take a sample of each and change it.
2. Write the list: [{"effect": name, "args": {...}}, ...], in the order in which it is to run. Fields of type "effects" hold lists again. What is known only when it runs is {"$placeholder": name, "args": {...}} where the schema allows it.
3. validate until there are no problems. Each has a JSON pointer to its place.
4. dry_run it, with "to" if it is for connections. Look at what would run and fail, and at the bytes that each stream would get. An action shows the effects that it expands to. "rehearsed": false means that nobody knows what that effect would do.
5. Show the list and what the dry run said. Call send only if the user asks for it after that, and report what became of each effect.

Text of users must be escaped in markup: put it into a signal if you can.`

const wire = `Wire this into the code of the program: %s

1. Look at what there is: grep and describe the effects, and read the file and line that describe gives as "site".
2. A handler takes a request and returns effects. It touches nothing itself:
       app.Handle("POST /say", func(r *twk.Request) twk.Response {
           var in struct{ Message string }
           if err := r.Signals(&in); err != nil {
               return twk.BadRequest(err)
           }
           return twk.Respond(sfere.Tell(sfere.Category("room"), twk.Append("#log", bubble(in.Message))), twk.Signals("message", ""))
       })
   A stream stays open: return sfere.Hold(sfere.ID("room", user), twk.Stream()).
3. What touches the world and is not there yet is an effect of its own: a struct with an EffectName, and effect.Handle (or effect.Do) in a registry.New that is joined where the dispatcher is made. Give each field a description. Say how far it reaches, so that dry runs know. What only decides from state and data is an action: effect.Expand.
4. Test it without a server: compare the effects that the handler returns with cmp.Diff.
5. Start the program again and look: describe shows the new item, dry_run what it would do, dispatches and failures what became of the first requests.`

// prompts adds the tasks that people start with.
func prompts(s *sdk.Server) {
	for _, p := range []prompt{
		{"explore", "Find out what the program can do, and how.", "question", "what you want to know", false, explore, "what there is, grouped by what it is for."},
		{"author", "Write a list of effects, and rehearse it.", "task", "what the effects are to do", true, author, ""},
		{"wire", "Write a handler, or an effect of your own, into the code of the program.", "task", "what the handler is to do", true, wire, ""},
	} {
		s.AddPrompt(&sdk.Prompt{
			Name: p.name, Description: p.doc,
			Arguments: []*sdk.PromptArgument{{Name: p.arg, Description: p.argDoc, Required: p.needed}},
		}, func(_ context.Context, req *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
			said := strings.TrimSpace(req.Params.Arguments[p.arg])
			if said == "" {
				said = p.fallback
			}
			if said == "" {
				return nil, fmt.Errorf("%s is missing: say %s", p.arg, p.argDoc)
			}
			return &sdk.GetPromptResult{Description: p.doc, Messages: []*sdk.PromptMessage{{
				Role: "user", Content: &sdk.TextContent{Text: fmt.Sprintf(p.text, said)},
			}}}, nil
		})
	}
}
