"""A synthetic data set fit for others: drawn, stylised by density class, screened, packed."""
