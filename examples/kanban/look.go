package main

import (
	"embed"
	"fmt"

	"github.com/a-h/templ"

	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

//go:embed style.css
var files embed.FS

// boardData is what the page of a board is made of.
type boardData struct {
	me                              Person
	id                              int64
	title                           string
	canEdit                         bool
	board, people, looking, history twk.HTML // rendered views
}

func laneID(l Lane) string     { return fmt.Sprintf("lane-%d", l.ID) }
func cardID(c Card) string     { return fmt.Sprintf("card-%d", c.ID) }
func eventID(e Event) string   { return fmt.Sprintf("event-%d", e.ID) }
func memberID(m Member) string { return "member-" + m.ID }

func path(board int64, what string) string { return fmt.Sprintf("/boards/%d/%s", board, what) }

// attrs gives attributes to an element of a template.
func attrs(as ...attr.Attr) templ.Attributes { return attr.Map(as...) }

// when is attrs if yes, and nothing if not.
func when(yes bool, as ...attr.Attr) templ.Attributes {
	if !yes {
		return nil
	}
	return attrs(as...)
}

// hiddenUnless is the style of an element that data-show shows or hides, until the
// client runs.
func hiddenUnless(shown bool) templ.SafeCSS {
	if shown {
		return ""
	}
	return "display: none"
}

// initial returns the first letter of a name.
func initial(name string) string {
	for _, r := range name {
		return string(r)
	}
	return ""
}

func problem(text string) twk.PatchElements { return twk.Patch(problemView(text)) }

// step is a button that moves a card by one place. The arrow key of its name presses
// it when the card has the focus.
type step struct{ Key, Sign, Label, Send string }

// steps returns where the card j of the column i can go to. Those that lead nowhere
// have nothing to send.
func steps(board int64, lanes []Lane, i, j int) []step {
	cards, c := lanes[i].Cards, lanes[i].Cards[j]
	send := func(lane int, before int64) string {
		return attr.Post(path(board, "move"), &attr.Options{Payload: MoveCard{board, c.ID, c.Version, lanes[lane].ID, before}})
	}
	to := []step{{Key: "ArrowLeft", Sign: "←"}, {Key: "ArrowUp", Sign: "↑"}, {Key: "ArrowDown", Sign: "↓"}, {Key: "ArrowRight", Sign: "→"}}
	for n, label := range []string{"left", "up", "down", "right"} {
		to[n].Label = fmt.Sprintf("Move “%s” %s", c.Title, label)
	}
	if i > 0 {
		to[0].Send = send(i-1, 0)
	}
	if j > 0 {
		to[1].Send = send(i, cards[j-1].ID)
	}
	if j+2 < len(cards) {
		to[2].Send = send(i, cards[j+2].ID)
	} else if j+1 < len(cards) {
		to[2].Send = send(i, 0)
	}
	if i+1 < len(lanes) {
		to[3].Send = send(i+1, 0)
	}
	return to
}

func (s step) attr() attr.Attr {
	if s.Send == "" {
		return attr.Attr{Name: "aria-disabled", Value: "true"} // not disabled, which would lose the focus
	}
	return attr.On("click", s.Send)
}

// keys presses the button of an arrow key on the card that has the focus.
const keys = `evt.key.startsWith('Arrow') && evt.target.matches('.card') &&
	(evt.preventDefault(), evt.target.querySelector('[aria-keyshortcuts=' + evt.key + ']').click())`

// drags are the attributes of a card that can be dragged. What is sent is the version
// that was seen when the drag began.
func drags(board int64, lane Lane, c Card) []attr.Attr {
	return []attr.Attr{
		{Name: "draggable", Value: "true"}, {Name: "tabindex", Value: "0"},
		attr.On("dragstart", fmt.Sprintf(`evt.dataTransfer.setData('text/plain', el.id); $_card = %d; $_seen = %d`, c.ID, c.Version)),
		attr.On("dragend", `$_card = 0; $_over = 0`),
		drop("drop__prevent__stop", board, lane.ID, c.ID),
	}
}

// drops are the attributes of a column that cards can be dropped on.
func drops(board int64, lane Lane) []attr.Attr {
	return []attr.Attr{
		attr.On("dragover__prevent", fmt.Sprintf(`$_over = %d`, lane.ID)),
		attr.Data("class:over", fmt.Sprintf(`$_card && $_over === %d`, lane.ID)),
		drop("drop__prevent", board, lane.ID, 0),
	}
}

func drop(event string, board, lane, before int64) attr.Attr {
	return attr.On(event, fmt.Sprintf(`$_card && $_card !== %[3]d && @post('%[1]s', {payload: {card: $_card, seen: $_seen, lane: %[2]d, before: %[3]d}})`,
		path(board, "move"), lane, before))
}

// gives are the attributes of a button that gives a member a role.
func gives(board int64, m Member, r Role) []attr.Attr {
	pressed := attr.Attr{Name: "aria-pressed", Value: fmt.Sprint(m.Role == r)}
	return []attr.Attr{pressed, attr.On("click", attr.Post(path(board, "role"), &attr.Options{Payload: SetRole{board, m.ID, r}}))}
}
