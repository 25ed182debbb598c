-- Documents and tokens of each document type, by frame.
SELECT genre, frame, count(*) AS documents, sum(tokens)::BIGINT AS tokens, round(avg(tokens))::BIGINT AS mean_tokens FROM documents GROUP BY ALL ORDER BY tokens DESC, genre, frame
