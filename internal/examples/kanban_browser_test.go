package examples_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/internal/browser"
)

// enter signs in and opens a board.
func enter(p *browser.Page, url, person, board string) {
	p.Go(url)
	p.Click(`button[value=` + person + `]`)
	p.WaitText("h1", "Boards")
	p.Click(`a[href="/boards/` + board + `"]`)
	p.WaitText("#looking", "") // the page
}

// looks waits until the page shows who is looking.
func looks(p *browser.Page, names string) {
	p.WaitEval(`[...document.querySelectorAll("#looking li")].map(e => e.lastChild.textContent).join(" ") === ` + quote(names))
}

// lane waits until a column has these cards, in this order.
func lane(p *browser.Page, id int, cards string) {
	p.WaitEval(fmt.Sprintf(`[...document.querySelectorAll("#lane-%d .card")].map(e => e.id.slice(5)).join(" ") === %s`, id, quote(cards)))
}

func arrow(card int, key string) string {
	return fmt.Sprintf(`#card-%d [aria-keyshortcuts=%s]`, card, key)
}

func TestBrowserKanban(t *testing.T) {
	b := browser.New(t)
	kanban, file := build(t, "kanban"), filepath.Join(t.TempDir(), "kanban.db")
	url, stop := run(t, kanban, "-addr", quiet(), "-db", file)
	ada, bob, cleo := b.Page(t, "ada"), b.Page(t, "bob"), b.Page(t, "cleo")
	ada.SetViewport(1280, 900, false)
	bob.SetViewport(390, 844, true)
	ada.Go(url)
	ada.Screenshot("kanban-sign-in")
	enter(ada, url, "ada", "1")
	looks(ada, "Ada")
	enter(bob, url, "bob", "1")
	enter(cleo, url, "cleo", "1")
	for _, p := range []*browser.Page{ada, bob, cleo} {
		looks(p, "Ada Bob Cleo") // without a reload
		lane(p, 1, "1 2 3 4")
	}

	// A move of one is seen by all, by button, by keyboard and by mouse.
	bob.Click(arrow(2, "ArrowRight"))
	for _, p := range []*browser.Page{ada, bob, cleo} {
		lane(p, 2, "5 6 2")
		p.WaitText("#history", "Bob moved “Move the blog posts” from “To do” to “Doing”")
	}
	browser.Eval[bool](ada, `document.querySelector("#card-3").focus() === undefined`)
	for _, step := range []struct{ key, lane1, lane2 string }{
		{"ArrowUp", "3 1 4", "5 6 2"}, {"ArrowDown", "1 3 4", "5 6 2"}, {"ArrowRight", "1 4", "5 6 2 3"}, {"ArrowUp", "1 4", "5 6 3 2"},
	} {
		ada.Press(step.key)
		lane(ada, 1, step.lane1)
		lane(ada, 2, step.lane2)
		if got := browser.Eval[string](ada, `document.activeElement.id`); got != "card-3" {
			t.Errorf("after %s %q has the focus, want the card", step.key, got)
		}
	}
	lane(bob, 2, "5 6 3 2")
	ada.Drag("#card-1 > span", "#card-6 > span")
	lane(bob, 2, "5 1 6 3 2")
	ada.Drag("#card-1 > span", "#lane-3")
	lane(bob, 3, "7 1")
	ada.Fill("#title", "Tell <everybody>")
	ada.Press("Enter")
	bob.WaitText("#lane-1", "Tell <everybody>")
	ada.WaitEval(`document.querySelector("#title").value === ""`)

	// A conflict: what Bob's click sends was rendered before Ada's move.
	old := browser.Eval[string](bob, `document.querySelector(`+quote(arrow(1, "ArrowLeft"))+`).getAttribute("data-on:click")`)
	ada.Click(arrow(1, "ArrowUp"))
	lane(bob, 3, "1 7")
	press(bob, old)
	bob.WaitText("#problem", "Somebody has moved “Write the imprint” meanwhile")
	bob.Screenshot("kanban-conflict")
	lane(bob, 3, "1 7")

	// A viewer has no way to move a card, and is refused if they find one.
	if n := cleo.Count(".steps, [draggable], #people button"); n != 0 || cleo.Count(".card") != 8 {
		t.Errorf("a viewer has %d things to move with, want none:\n%s", n, cleo.HTML("#board"))
	}
	fresh := browser.Eval[string](ada, `document.querySelector(`+quote(arrow(1, "ArrowLeft"))+`).getAttribute("data-on:click")`)
	press(cleo, fresh)
	cleo.WaitText("#problem", "You are a viewer here")
	cleo.Screenshot("kanban-viewer")

	// Roles take effect at once, in all that a page shows.
	ada.Screenshot("kanban")
	bob.Screenshot("kanban")
	ada.Click(`#member-cleo [value=editor]`)
	cleo.WaitEval(`document.querySelector("#add").checkVisibility()`)
	cleo.Click(arrow(1, "ArrowLeft"))
	lane(ada, 2, "5 6 3 2 1")
	cleo.WaitEval(`document.querySelector("#problem").textContent === ""`)
	ada.Click(`#member-bob [value=viewer]`)
	bob.WaitGone(".steps")
	bob.WaitEval(`!document.querySelector("#add").checkVisibility()`)
	ada.Click(`#member-cleo [value=none]`)
	cleo.WaitText("h1", "not yours")
	cleo.WaitGone(".card")
	looks(ada, "Ada Bob")
	ada.Click(`#member-ada [value=viewer]`)
	ada.WaitText("#problem", "A board needs an owner")

	// A reload shows what is the case now.
	bob.Reload()
	lane(bob, 2, "5 6 3 2 1")
	bob.WaitText("#history", "Ada took the board away from Cleo")
	if n := bob.Count(".steps"); n != 0 {
		t.Error("a reload gives a viewer what only editors have")
	}
	looks(bob, "Ada Bob")
	cleo.Reload()
	cleo.WaitText("h1", "Boards")
	bob.Hide() // who has the board in a hidden tab does not look at it
	looks(ada, "Ada")
	ada.Click(arrow(4, "ArrowRight"))
	bob.Show()
	looks(ada, "Ada Bob")
	lane(bob, 2, "5 6 3 2 1 4") // what has changed meanwhile
	ada.SetViewport(390, 844, true)
	ada.Screenshot("kanban-owner-phone")
	ada.SetViewport(1280, 900, false)
	bob.Go(url)
	looks(ada, "Ada")
	bob.Screenshot("kanban-boards-phone")

	for _, p := range []*browser.Page{ada, bob, cleo} {
		for _, e := range p.Errors() {
			t.Error(e)
		}
	}

	// The program is stopped and started again.
	stop()
	ada.WaitEval(`document.querySelector(".trouble").checkVisibility()`)
	run(t, kanban, "-addr", strings.TrimPrefix(url, "http://"), "-db", file)
	ada.WaitEval(`!document.querySelector(".trouble").checkVisibility()`)
	ada.Click(arrow(4, "ArrowLeft"))
	lane(ada, 1, "11 4")

	for _, p := range []*browser.Page{ada, bob} {
		if wide := browser.Eval[int](p, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide > 0 {
			t.Errorf("the page is %d px wider than the screen", wide)
		}
	}
}

// press clicks a button that the page does not have.
func press(p *browser.Page, expression string) {
	browser.Eval[bool](p, `(() => {
		const b = document.createElement("button");
		b.id = "pressed"; b.textContent = "press"; b.setAttribute("data-on:click", `+quote(expression)+`);
		document.querySelector(".top").append(b);
		return true;
	})()`)
	p.Click("#pressed")
	browser.Eval[bool](p, `document.querySelector("#pressed").remove() === undefined`)
}
