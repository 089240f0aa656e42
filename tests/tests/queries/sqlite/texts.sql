-- What SQLite makes of texts: sqlite3 < texts.sql > texts.txt
with text(text) as (values ('Iron Maiden'), ('  two  spaces '), ('éàé'), ('日本語 日'), (''), ('aaaa'), ('12'), (' 7'), ('x')),
     part(part, other) as (values ('a', 'bb'), ('é', ''), ('aa', 'a'), (' ', '_'), ('日', 'nichi'), ('no', 'where')),
     place(start, count) as (values (0, 0), (0, 3), (1, 1), (2, 100), (5, 2))
select text, part, other, start, count,
       substr(text, start + 1, count),
       trim(text), ltrim(text), rtrim(text),
       replace(text, part, other),
       text || part,
       instr(text, part),
       length(text),
       cast(length(text) * 1000 - start as text)
  from text, part, place
 where (length(text) + length(other) + start) % 3 = 0 or length(text) < 2;
