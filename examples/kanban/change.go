package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const maxTitle = 120 // characters of a card

// refused is an error whose text is for the person who has asked.
type refused struct {
	status int
	text   string
}

func (r refused) Error() string { return r.text }

// HTTPStatus makes it a "no" and not a fault of the program, which is not logged.
func (r refused) HTTPStatus() int { return r.status }

func conflict(format string, args ...any) error {
	return refused{http.StatusConflict, fmt.Sprintf(format, args...)}
}

// change runs f in a transaction, and notes what f returns in the history. It is
// refused if the person's role on the board is less than need. If f returns no text,
// nothing has changed, and the event is zero.
func (s *Store) change(ctx context.Context, by Person, board int64, need Role, f func(tx *sql.Tx) (what string, err error)) (e Event, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return Event{}, err
	}
	defer tx.Rollback() // does nothing after Commit
	role, err := roleOf(ctx, tx, board, by.ID)
	if err != nil {
		return Event{}, err
	}
	if role < need {
		return Event{}, refused{http.StatusForbidden, fmt.Sprintf("This needs the role of an %v. You are %v here.", need, role.with())}
	}
	what, err := f(tx)
	if err != nil || what == "" {
		return Event{}, err
	}
	e = Event{Who: by.Name, What: what, At: time.Now()}
	err = tx.QueryRowContext(ctx, `INSERT INTO event (board, person, what, at) VALUES (?, ?, ?, ?) RETURNING id`,
		board, by.ID, what, e.At.Unix()).Scan(&e.ID)
	if err != nil {
		return Event{}, err
	}
	return e, tx.Commit()
}

// Move puts a card before another one of a column, or at its end.
func (s *Store) Move(ctx context.Context, by Person, m MoveCard) (Event, error) {
	return s.change(ctx, by, m.Board, Editor, func(tx *sql.Tx) (string, error) {
		var title, from, to string
		var fromID, version int64
		err := tx.QueryRowContext(ctx, `SELECT card.title, version, lane.id, lane.title FROM card JOIN lane ON lane.id = lane WHERE card.id = ? AND board = ?`,
			m.Card, m.Board).Scan(&title, &version, &fromID, &from)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return "", conflict("This card is not on the board any more.")
		case err != nil:
			return "", err
		case version != m.Seen:
			return "", conflict("Somebody has moved “%s” meanwhile. It is in “%s” now.", title, from)
		}
		err = tx.QueryRowContext(ctx, `SELECT title FROM lane WHERE id = ? AND board = ?`, m.Lane, m.Board).Scan(&to)
		if errors.Is(err, sql.ErrNoRows) {
			return "", conflict("This column is not on the board any more.")
		} else if err != nil {
			return "", err
		}
		was, err := query(ctx, tx, func(row *sql.Rows, id *int64) error { return row.Scan(id) }, `SELECT id FROM card WHERE lane = ? ORDER BY place`, m.Lane)
		if err != nil {
			return "", err
		}
		order := slices.DeleteFunc(slices.Clone(was), func(id int64) bool { return id == m.Card })
		at := slices.Index(order, m.Before)
		if at < 0 {
			at = len(order)
		}
		if order = slices.Insert(order, at, m.Card); slices.Equal(order, was) {
			return "", nil
		}
		if _, err := tx.ExecContext(ctx, `UPDATE card SET lane = ?, version = version + 1 WHERE id = ?`, m.Lane, m.Card); err != nil {
			return "", err
		}
		for i, id := range order {
			if _, err := tx.ExecContext(ctx, `UPDATE card SET place = ? WHERE id = ?`, i+1, id); err != nil {
				return "", err
			}
		}
		if fromID == m.Lane {
			return fmt.Sprintf("moved “%s” within “%s”", title, to), nil
		}
		return fmt.Sprintf("moved “%s” from “%s” to “%s”", title, from, to), nil
	})
}

// Add puts a new card at the end of the first column.
func (s *Store) Add(ctx context.Context, by Person, board int64, title string) (Event, error) {
	return s.change(ctx, by, board, Editor, func(tx *sql.Tx) (string, error) {
		title = strings.Join(strings.FieldsFunc(title, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
		if n := utf8.RuneCountInString(title); n == 0 || n > maxTitle {
			return "", refused{http.StatusUnprocessableEntity, fmt.Sprintf("A card has a title of 1 to %d characters.", maxTitle)}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO card (lane, title, place) SELECT lane.id, ?,
			(SELECT coalesce(max(place), 0) + 1 FROM card WHERE lane = lane.id) FROM lane WHERE board = ? ORDER BY lane.place LIMIT 1`, title, board)
		return fmt.Sprintf("added “%s”", title), err
	})
}

// SetRole gives a person a role on a board, or none.
func (s *Store) SetRole(ctx context.Context, by Person, r SetRole) (Event, error) {
	return s.change(ctx, by, r.Board, Owner, func(tx *sql.Tx) (string, error) {
		var name string
		var others int
		err := tx.QueryRowContext(ctx, `SELECT name, (SELECT count(*) FROM member WHERE board = ? AND role = ? AND person != person.id)
			FROM person WHERE id = ?`, r.Board, Owner, r.Person).Scan(&name, &others)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return "", conflict("There is no such person.")
		case err != nil:
			return "", err
		case r.Role < None || r.Role > Owner:
			return "", conflict("There is no such role.")
		case r.Role < Owner && others == 0:
			return "", conflict("A board needs an owner. Make somebody else one first.")
		}
		was, err := roleOf(ctx, tx, r.Board, r.Person)
		if err != nil || was == r.Role {
			return "", err
		}
		if r.Role == None {
			_, err = tx.ExecContext(ctx, `DELETE FROM member WHERE board = ? AND person = ?`, r.Board, r.Person)
			return "took the board away from " + name, err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO member VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET role = excluded.role`, r.Board, r.Person, r.Role)
		return fmt.Sprintf("made %s %s", name, r.Role.with()), err
	})
}
