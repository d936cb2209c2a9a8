-- Copies of the database that were put in its place. A copy says when it was made; opened, until when the books may
-- not know what was bought and sent.
CREATE TABLE restores (
  copied_at_ms INTEGER NOT NULL PRIMARY KEY,
  opened_at_ms INTEGER
) STRICT;
