-- Applications and users that the configuration named at some start, by object id: those it names no longer are
-- told to the operator at every start until they are deleted or named again.
CREATE TABLE directory_seeds (
    object_id TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
