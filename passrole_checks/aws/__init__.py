"""Facts about AWS, as data files, and their loaders. NOTICE says where they are from; `generator` writes them."""
