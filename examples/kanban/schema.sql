CREATE TABLE IF NOT EXISTS person (id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS board (id INTEGER PRIMARY KEY, title TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS member (board INTEGER NOT NULL REFERENCES board, person TEXT NOT NULL REFERENCES person,
  role INTEGER NOT NULL CHECK (role BETWEEN 1 AND 3), PRIMARY KEY (board, person)) STRICT;
CREATE TABLE IF NOT EXISTS lane (id INTEGER PRIMARY KEY, board INTEGER NOT NULL REFERENCES board, title TEXT NOT NULL, place INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS card (id INTEGER PRIMARY KEY, lane INTEGER NOT NULL REFERENCES lane, title TEXT NOT NULL, place INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 1) STRICT;
CREATE INDEX IF NOT EXISTS card_lane ON card (lane, place);
CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, board INTEGER NOT NULL REFERENCES board, person TEXT NOT NULL REFERENCES person,
  what TEXT NOT NULL, at INTEGER NOT NULL DEFAULT (unixepoch())) STRICT;
CREATE INDEX IF NOT EXISTS event_board ON event (board, id);

-- What there is to play with. It stays as it is in a database that has it already.
INSERT OR IGNORE INTO person VALUES ('ada', 'Ada'), ('bob', 'Bob'), ('cleo', 'Cleo');
INSERT OR IGNORE INTO board VALUES (1, 'Website relaunch'), (2, 'Summer party');
INSERT INTO member SELECT * FROM (VALUES (1, 'ada', 3), (1, 'bob', 2), (1, 'cleo', 1), (2, 'ada', 1), (2, 'bob', 3)) WHERE NOT EXISTS (SELECT * FROM member);
INSERT OR IGNORE INTO lane VALUES (1, 1, 'To do', 1), (2, 1, 'Doing', 2), (3, 1, 'Done', 3), (4, 2, 'Ideas', 1), (5, 2, 'Agreed', 2);
INSERT OR IGNORE INTO card (id, lane, title, place) VALUES
  (1, 1, 'Write the imprint', 1), (2, 1, 'Move the blog posts', 2), (3, 1, 'Ask for photos of the team', 3), (4, 1, 'Check all links', 4),
  (5, 2, 'Design the start page', 1), (6, 2, 'Choose a typeface', 2), (7, 3, 'Buy the domain', 1),
  (8, 4, 'A boat on the lake', 1), (9, 4, 'Pizza from the oven in the garden', 2), (10, 5, 'The second Friday of July', 1);
