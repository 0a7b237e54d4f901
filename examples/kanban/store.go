package main

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite"
)

//go:embed schema.sql
var schema string

// Store is the database. Its methods may be called concurrently.
type Store struct {
	db   *sql.DB
	temp string // folder to remove at the end, empty if there is none
}

// What pages show of the database.
type (
	// BoardInfo is a board on somebody's list.
	BoardInfo struct {
		ID    int64
		Title string
		Role  Role // of who looks at the list
		Cards int
	}
	// Lane is a column of a board.
	Lane struct {
		ID    int64
		Title string
		Cards []Card
	}
	// Card is a card. Version counts its moves: who moves it says which one they have
	// seen, so that nobody moves away what somebody else has just moved.
	Card struct {
		ID, Version int64
		Title       string
	}
	// Event is a line of the history.
	Event struct {
		ID        int64
		Who, What string
		At        time.Time
	}
)

// OpenStore opens the SQLite database in file. A new one gets people and boards to
// play with. With an empty name it is a file that Close removes.
func OpenStore(ctx context.Context, file string) (_ *Store, err error) {
	s := &Store{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if file == "" {
		if s.temp, err = os.MkdirTemp("", "kanban-"); err != nil {
			return nil, err
		}
		file = filepath.Join(s.temp, "kanban.db")
	}
	query := url.Values{"_pragma": {"busy_timeout(5000)", "journal_mode(wal)", "foreign_keys(1)"}, "_txlock": {"immediate"}}
	path := (&url.URL{Path: filepath.ToSlash(file)}).EscapedPath()
	if s.db, err = sql.Open("sqlite", "file:"+path+"?"+query.Encode()); err != nil {
		return nil, err
	}
	s.db.SetMaxOpenConns(8)
	_, err = s.db.ExecContext(ctx, schema)
	return s, err
}

// Close closes the database.
func (s *Store) Close() (err error) {
	if s.db != nil {
		err = s.db.Close()
	}
	if s.temp != "" {
		err = errors.Join(err, os.RemoveAll(s.temp))
	}
	return err
}

// Boards returns the boards that a person may see.
func (s *Store) Boards(ctx context.Context, person string) ([]BoardInfo, error) {
	return query(ctx, s.db, func(row *sql.Rows, b *BoardInfo) error { return row.Scan(&b.ID, &b.Title, &b.Role, &b.Cards) },
		`SELECT board.id, board.title, role, (SELECT count(*) FROM card JOIN lane ON lane.id = card.lane WHERE lane.board = board.id)
		FROM board JOIN member ON member.board = board.id WHERE person = ? ORDER BY board.title`, person)
}

// Title returns the title of a board.
func (s *Store) Title(ctx context.Context, board int64) (title string, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT title FROM board WHERE id = ?`, board).Scan(&title)
	return title, err
}

// Lanes returns the columns of a board with their cards.
func (s *Store) Lanes(ctx context.Context, board int64) (lanes []Lane, err error) {
	type row struct {
		lane  int64
		title string
		Card
	}
	rows, err := query(ctx, s.db, func(rows *sql.Rows, r *row) error { return rows.Scan(&r.lane, &r.title, &r.ID, &r.Version, &r.Title) },
		`SELECT lane.id, lane.title, coalesce(card.id, 0), coalesce(version, 0), coalesce(card.title, '')
		FROM lane LEFT JOIN card ON card.lane = lane.id WHERE board = ? ORDER BY lane.place, card.place`, board)
	for _, r := range rows {
		if len(lanes) == 0 || lanes[len(lanes)-1].ID != r.lane {
			lanes = append(lanes, Lane{ID: r.lane, Title: r.title})
		}
		if last := &lanes[len(lanes)-1]; r.ID != 0 {
			last.Cards = append(last.Cards, r.Card)
		}
	}
	return lanes, err
}

// History returns the last n events of a board, the newest first.
func (s *Store) History(ctx context.Context, board int64, n int) ([]Event, error) {
	return query(ctx, s.db, func(row *sql.Rows, e *Event) error {
		var at int64
		err := row.Scan(&e.ID, &e.Who, &e.What, &at)
		e.At = time.Unix(at, 0)
		return err
	}, `SELECT event.id, name, what, at FROM event JOIN person ON person.id = person WHERE board = ? ORDER BY event.id DESC LIMIT ?`, board, n)
}

// source is a database or a transaction.
type source interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// query returns all rows of a query.
func query[T any](ctx context.Context, from source, scan func(*sql.Rows, *T) error, text string, args ...any) (all []T, err error) {
	rows, err := from.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one T
		if err := scan(rows, &one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
